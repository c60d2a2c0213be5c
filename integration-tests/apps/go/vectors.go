package main

import (
	"time"

	"github.com/apache/flink-statefun/statefun-sdk-go/v3/pkg/statefun"
)

// The functions behind the golden wire vectors: small, with every effect in a fixed order. They are part of this
// application so that the vectors come from the same build of the SDK as everything else.

var (
	vectorSeen = statefun.ValueSpec{Name: "seen", ValueType: statefun.Int32Type}
	vectorLast = statefun.ValueSpec{
		Name: "last", ValueType: statefun.StringType, Expiration: statefun.ExpireAfterWrite(60 * time.Second),
	}
	vectorSess = statefun.ValueSpec{
		Name: "sess", ValueType: statefun.Int64Type, Expiration: statefun.ExpireAfterCall(1500 * time.Millisecond),
	}
	vectorN       = statefun.ValueSpec{Name: "n", ValueType: statefun.Int64Type}
	vectorRequest = statefun.MakeJsonType(statefun.TypeNameFrom("test/Req"))
)

func bindVectors() {
	bind("test/stateless", func(statefun.Context, statefun.Message) error { return nil })
	bind("test/counter", vectorCounter, vectorSeen, vectorLast, vectorSess)
	bind("test/effects", vectorEffects, vectorN)
	bind("test/types", vectorTypes)
}

func vectorCounter(ctx statefun.Context, message statefun.Message) error {
	text := message.AsString()
	if text == "reset" {
		ctx.Storage().Remove(vectorSeen)
		ctx.Storage().Remove(vectorSess)
	} else {
		var value int32
		ctx.Storage().Get(vectorSeen, &value)
		ctx.Storage().Set(vectorSeen, value+1)
	}
	ctx.Storage().Set(vectorLast, text)
	return nil
}

func vectorEffects(ctx statefun.Context, message statefun.Message) error {
	var value int64
	ctx.Storage().Get(vectorN, &value)
	ctx.Storage().Set(vectorN, value+int64(message.AsInt32()))

	text := func(to, id, value string) statefun.MessageBuilder {
		return statefun.MessageBuilder{Target: address(to, id), Value: value, ValueType: statefun.StringType}
	}
	ctx.Send(text("test/counter", "b", "hi"))
	ctx.Send(statefun.MessageBuilder{
		Target: address("test/effects", "c"), Value: map[string]int{"k": 1}, ValueType: vectorRequest,
	})
	ctx.SendAfter(5*time.Second, text("test/counter", "d", "later"))
	later, err := statefun.NewCancellationToken("tok-1")
	if err != nil {
		return err
	}
	earlier, err := statefun.NewCancellationToken("tok-0")
	if err != nil {
		return err
	}
	ctx.SendAfterWithCancellationToken(60*time.Second, later, text("test/counter", "d", "later2"))
	ctx.CancelDelayedMessage(earlier)
	ctx.SendEgress(statefun.KafkaEgressBuilder{
		Target: statefun.TypeNameFrom("test/kafka-out"), Topic: "out", Key: "k1", Value: "v1",
	})
	ctx.SendEgress(statefun.KinesisEgressBuilder{
		Target: statefun.TypeNameFrom("test/kinesis-out"), Stream: "s", Value: []byte{1, 2},
		PartitionKey: "pk", ExplicitHashKey: "7",
	})
	ctx.SendEgress(statefun.GenericEgressBuilder{
		Target: playgroundEgress, Value: PlaygroundRecord{Topic: "t", Payload: "p"}, ValueType: playgroundRecordType,
	})
	return nil
}

func vectorTypes(ctx statefun.Context, _ statefun.Message) error {
	for _, one := range []struct {
		id    string
		value interface{}
		tpe   statefun.SimpleType
	}{
		{"bool", true, statefun.BoolType},
		{"boolf", false, statefun.BoolType},
		{"int", int32(-2), statefun.Int32Type},
		{"int0", int32(0), statefun.Int32Type},
		{"long", int64(-3), statefun.Int64Type},
		{"float", float32(1.5), statefun.Float32Type},
		{"double", -2.5, statefun.Float64Type},
		{"str", "héllo", statefun.StringType},
		{"str0", "", statefun.StringType},
	} {
		ctx.Send(statefun.MessageBuilder{Target: address("test/sink", one.id), Value: one.value, ValueType: one.tpe})
	}
	return nil
}
