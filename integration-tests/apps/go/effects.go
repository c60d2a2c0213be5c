package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/apache/flink-statefun/statefun-sdk-go/v3/pkg/statefun"
)

func bindTime() {
	bind("it.go/delay", delay)
	bind("it.go/slow", slow)
}

func delay(ctx statefun.Context, message statefun.Message) error {
	if message.IsString() {
		say(ctx, "fired %s from %s/%s", message.AsString(), ctx.Caller().FunctionType, ctx.Caller().Id)
		return nil
	}
	command, err := decode(message)
	if err != nil {
		return err
	}
	if command.Op != "send" && command.Op != "cancel" && command.Op != "send-cancel" {
		return command.unknown()
	}
	if command.Op != "cancel" {
		to := ctx.Self()
		if command.To != "" {
			to.FunctionType = statefun.TypeNameFrom(command.To)
		}
		if command.ID != nil {
			to.Id = *command.ID
		}
		out := statefun.MessageBuilder{Target: to, Value: command.Text, ValueType: statefun.StringType}
		pause := time.Duration(command.Ms) * time.Millisecond
		if command.Token == "" {
			ctx.SendAfter(pause, out)
		} else {
			token, err := statefun.NewCancellationToken(command.Token)
			if err != nil {
				return err
			}
			ctx.SendAfterWithCancellationToken(pause, token, out)
		}
	}
	if command.Op != "send" {
		token, err := statefun.NewCancellationToken(command.Token)
		if err != nil {
			return err
		}
		ctx.CancelDelayedMessage(token)
	}
	return nil
}

func slow(ctx statefun.Context, message statefun.Message) error {
	command, err := decode(message)
	if err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(command.Ms) * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	say(ctx, "done %s", command.Text)
	return nil
}

var (
	done     = statefun.ValueSpec{Name: "done", ValueType: statefun.Int32Type}
	attempts sync.Map // [2]string{id, text} -> *int
	guard    sync.Mutex
)

func bindFailures() {
	bind("it.go/fail", fail, done)
}

func attempt(id, text string) int {
	guard.Lock()
	defer guard.Unlock()
	value, _ := attempts.LoadOrStore([2]string{id, text}, new(int))
	*value.(*int)++
	return *value.(*int)
}

func fail(ctx statefun.Context, message statefun.Message) error {
	command, err := decode(message)
	if err != nil {
		return err
	}
	switch command.Op {
	case "once", "times":
		limit := 1
		if command.N != nil {
			limit = *command.N
		}
		if now := attempt(ctx.Self().Id, command.Text); now <= limit {
			return fmt.Errorf("failure %d as told by %+v", now, command)
		}
		say(ctx, "recovered %s", command.Text)
	case "always":
		ctx.Storage().Set(done, int32(-1))
		return fmt.Errorf("failure as told by %+v", command)
	case "ok":
		var value int32
		ctx.Storage().Get(done, &value)
		ctx.Storage().Set(done, value+1)
		say(ctx, "ok %d", value+1)
	case "unknown-function":
		sendString(ctx, address("it.nowhere/nobody", ctx.Self().Id), "lost")
	case "unknown-egress":
		ctx.SendEgress(statefun.KafkaEgressBuilder{
			Target: statefun.TypeNameFrom("it/nowhere"), Topic: outTopic, Key: ctx.Self().Id, Value: "lost",
		})
	default:
		return command.unknown()
	}
	return nil
}

func bindEgress() {
	bind("it.go/egress", egress)
}

func egress(ctx statefun.Context, message statefun.Message) error {
	command, err := decode(message)
	if err != nil {
		return err
	}
	record := statefun.KafkaEgressBuilder{
		Target: kafkaEgress, Topic: "it-raw", Key: ctx.Self().Id, Value: command.Text,
	}
	switch command.Op {
	case "text":
	case "typed":
		record.ValueType = statefun.StringType
	case "int":
		record.Value = int32(command.number())
	case "bytes":
		record.Value = []byte{0x00, 0x01, 0xfe, 0xff}
	case "doc":
		record.Value, record.ValueType = Doc{N: command.number()}, docType
	case "nokey":
		record.Key = ""
	case "topic":
		record.Topic = command.Topic
	case "playground":
		ctx.SendEgress(playgroundRecord(command.Text))
		return nil
	case "kinesis":
		ctx.SendEgress(statefun.KinesisEgressBuilder{
			Target: statefun.TypeNameFrom("it/stream"), Stream: "it-stream", PartitionKey: ctx.Self().Id,
			Value: command.Text,
		})
		return nil
	default:
		return command.unknown()
	}
	ctx.SendEgress(record)
	return nil
}
