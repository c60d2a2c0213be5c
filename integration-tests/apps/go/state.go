package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/flink-statefun/statefun-sdk-go/v3/pkg/statefun"
)

var (
	seen  = statefun.ValueSpec{Name: "seen", ValueType: statefun.Int32Type}
	last  = statefun.ValueSpec{Name: "last", ValueType: statefun.Int32Type}
	wrong = statefun.ValueSpec{Name: "wrong", ValueType: statefun.Int32Type}
	sent  = statefun.ValueSpec{Name: "sent", ValueType: statefun.Int32Type}

	plain  = statefun.ValueSpec{Name: "plain", ValueType: statefun.StringType}
	writes = statefun.ValueSpec{
		Name: "writes", ValueType: statefun.StringType,
		Expiration: statefun.ExpireAfterWrite(2000 * time.Millisecond),
	}
	calls = statefun.ValueSpec{
		Name: "calls", ValueType: statefun.StringType,
		Expiration: statefun.ExpireAfterCall(2000 * time.Millisecond),
	}
	count = statefun.ValueSpec{Name: "count", ValueType: statefun.Int32Type}
	flag  = statefun.ValueSpec{Name: "flag", ValueType: statefun.BoolType}
	ratio = statefun.ValueSpec{Name: "ratio", ValueType: statefun.Float32Type}
	doc   = statefun.ValueSpec{Name: "doc", ValueType: docType}
	point = statefun.ValueSpec{Name: "point", ValueType: pointType{}}
	big   = statefun.ValueSpec{Name: "big", ValueType: statefun.Int64Type}
	exact = statefun.ValueSpec{Name: "exact", ValueType: statefun.Float64Type}

	states = []statefun.ValueSpec{plain, writes, calls, count, flag, ratio, doc, point, big, exact}
)

func bindState() {
	bind("it.go/counter", counter, seen)
	bind("it.go/order", order, last, wrong)
	bind("it.go/burst", burst, sent)
	bind("it.go/state", state, states...)
	bind("it.shared/state", state, states...)
}

func counter(ctx statefun.Context, message statefun.Message) error {
	text := message.AsString()
	if text == "reset" {
		ctx.Storage().Remove(seen)
		say(ctx, "reset")
		return nil
	}
	var value int32
	ctx.Storage().Get(seen, &value)
	value++
	ctx.Storage().Set(seen, value)
	if !strings.HasPrefix(text, "quiet") {
		say(ctx, "%d", value)
	}
	return nil
}

func order(ctx statefun.Context, message statefun.Message) error {
	var before, violations int32
	ctx.Storage().Get(last, &before)
	ctx.Storage().Get(wrong, &violations)
	value := message.AsInt32()
	if value == 0 {
		say(ctx, "last %d violations %d", before, violations)
		return nil
	}
	if value != before+1 {
		ctx.Storage().Set(wrong, violations+1)
	}
	ctx.Storage().Set(last, value)
	return nil
}

func burst(ctx statefun.Context, message statefun.Message) error {
	command, err := decode(message)
	if err != nil {
		return err
	}
	var value int32
	ctx.Storage().Get(sent, &value)
	to := address(command.To, *command.ID)
	for i := 0; i < command.number(); i++ {
		value++
		ctx.Send(statefun.MessageBuilder{Target: to, Value: value, ValueType: statefun.Int32Type})
	}
	ctx.Storage().Set(sent, value)
	return nil
}

func state(ctx statefun.Context, message statefun.Message) error {
	command, err := decode(message)
	if err != nil {
		return err
	}
	storage, n := ctx.Storage(), command.number()
	switch command.Op {
	case "set":
		storage.Set(plain, command.Text)
		storage.Set(writes, command.Text)
		storage.Set(calls, command.Text)
		storage.Set(count, int32(n))
		storage.Set(flag, n%2 == 1)
		storage.Set(ratio, float32(n)/2)
		storage.Set(doc, Doc{N: n})
		storage.Set(point, Point{X: int32(n), Y: -int32(n)})
		storage.Set(big, int64(n)*4294967296)
		storage.Set(exact, float64(n)/4)
	case "get":
		say(ctx, "%s", show(storage))
	case "touch":
	case "delete":
		for _, spec := range states {
			storage.Remove(spec)
		}
	case "replace":
		storage.Remove(plain)
		storage.Set(plain, command.Text)
	default:
		return command.unknown()
	}
	return nil
}

func show(storage statefun.AddressScopedStorage) string {
	var (
		text    string
		whole   int32
		truth   bool
		half    float32
		object  Doc
		pair    Point
		long    int64
		quarter float64
	)
	shown := make([]string, 0, len(states))
	add := func(spec statefun.ValueSpec, receiver interface{}, format func() string) {
		value := "-"
		if storage.Get(spec, receiver) {
			value = format()
		}
		shown = append(shown, spec.Name+"="+value)
	}
	add(plain, &text, func() string { return text })
	add(writes, &text, func() string { return text })
	add(calls, &text, func() string { return text })
	add(count, &whole, func() string { return fmt.Sprint(whole) })
	add(flag, &truth, func() string { return fmt.Sprint(truth) })
	add(ratio, &half, func() string { return number(float64(half)) })
	add(doc, &object, func() string { return fmt.Sprint(object.N) })
	add(point, &pair, func() string { return fmt.Sprintf("%d,%d", pair.X, pair.Y) })
	add(big, &long, func() string { return fmt.Sprint(long) })
	add(exact, &quarter, func() string { return number(quarter) })
	return strings.Join(shown, " ")
}
