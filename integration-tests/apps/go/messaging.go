package main

import (
	"encoding/json"
	"strings"

	"github.com/apache/flink-statefun/statefun-sdk-go/v3/pkg/statefun"
)

// Envelope leaves the inner command as it came: it is passed on, not understood.
type Envelope struct {
	To      string          `json:"to"`
	ID      string          `json:"id"`
	Command json.RawMessage `json:"command"`
	Text    *string         `json:"text"`
	Int     int32           `json:"int"`
}

func bindMessaging() {
	bind("it.go/dispatch", dispatch)
	bind("it.go/echo", echo)
	bind("it.go/describe", describe)
	bind("it.go/types", types)
	bind("it.go/ask", ask)
	bind("it.go/answer", answer)
	bind("it.go/hop", hop)
}

func dispatch(ctx statefun.Context, message statefun.Message) error {
	var envelope Envelope
	if err := message.As(envelopeType, &envelope); err != nil {
		return err
	}
	out := statefun.MessageBuilder{Target: address(envelope.To, envelope.ID)}
	switch {
	case envelope.Command != nil:
		out.Value, out.ValueType = envelope.Command, commandType
	case envelope.Text != nil:
		out.Value, out.ValueType = *envelope.Text, statefun.StringType
	default:
		out.Value, out.ValueType = envelope.Int, statefun.Int32Type
	}
	ctx.Send(out)
	return nil
}

func echo(ctx statefun.Context, message statefun.Message) error {
	if len(message.RawValue()) == 0 {
		say(ctx, "%s", message.ValueTypeName())
	} else {
		say(ctx, "%s %x", message.ValueTypeName(), message.RawValue())
	}
	return nil
}

func describe(ctx statefun.Context, message statefun.Message) error {
	switch {
	case message.IsBool():
		say(ctx, "bool %t", message.AsBool())
	case message.IsInt32():
		say(ctx, "int %d", message.AsInt32())
	case message.IsInt64():
		say(ctx, "long %d", message.AsInt64())
	case message.IsFloat32():
		say(ctx, "float %s", number(float64(message.AsFloat32())))
	case message.IsFloat64():
		say(ctx, "double %s", number(message.AsFloat64()))
	case message.IsString():
		say(ctx, "string %s", message.AsString())
	case message.Is(docType):
		var doc Doc
		if err := message.As(docType, &doc); err != nil {
			return err
		}
		say(ctx, "doc %d", doc.N)
	case message.Is(pointType{}):
		var point Point
		if err := message.As(pointType{}, &point); err != nil {
			return err
		}
		say(ctx, "point %d %d", point.X, point.Y)
	default:
		say(ctx, "unknown %s", message.ValueTypeName())
	}
	return nil
}

func types(ctx statefun.Context, message statefun.Message) error {
	command, err := decode(message)
	if err != nil {
		return err
	}
	to := address(command.To, ctx.Self().Id)
	for _, one := range []statefun.MessageBuilder{
		{Value: true, ValueType: statefun.BoolType},
		{Value: false, ValueType: statefun.BoolType},
		{Value: int32(-2), ValueType: statefun.Int32Type},
		{Value: int32(0), ValueType: statefun.Int32Type},
		{Value: float32(1.5), ValueType: statefun.Float32Type},
		{Value: "héllo", ValueType: statefun.StringType},
		{Value: "", ValueType: statefun.StringType},
		{Value: Doc{N: 7}, ValueType: docType},
		{Value: Point{X: 3, Y: -4}, ValueType: pointType{}},
		{Value: int64(-3), ValueType: statefun.Int64Type},
		{Value: -2.5, ValueType: statefun.Float64Type},
	} {
		one.Target = to
		ctx.Send(one)
	}
	return nil
}

func ask(ctx statefun.Context, message statefun.Message) error {
	if message.IsString() {
		say(ctx, "%s from %s/%s", message.AsString(), ctx.Caller().FunctionType, ctx.Caller().Id)
		return nil
	}
	command, err := decode(message)
	if err != nil {
		return err
	}
	sendString(ctx, address(command.To, *command.ID), command.Text)
	return nil
}

func answer(ctx statefun.Context, message statefun.Message) error {
	text := message.AsString()
	if ctx.Caller() == nil {
		say(ctx, "no caller %s", text)
	} else {
		sendString(ctx, *ctx.Caller(), lang+" heard "+text)
	}
	return nil
}

func hop(ctx statefun.Context, message statefun.Message) error {
	var value Hop
	if err := message.As(hopType, &value); err != nil {
		return err
	}
	value.Seen = append(value.Seen, lang)
	if len(value.Path) == 0 {
		say(ctx, "%s", strings.Join(value.Seen, ">"))
		return nil
	}
	next := address(value.Path[0], ctx.Self().Id)
	value.Path = value.Path[1:]
	ctx.Send(statefun.MessageBuilder{Target: next, Value: value, ValueType: hopType})
	return nil
}
