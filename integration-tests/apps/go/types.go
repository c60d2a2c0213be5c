package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/apache/flink-statefun/statefun-sdk-go/v3/pkg/statefun"
)

const (
	lang     = "go"
	outTopic = "it-out"
)

var (
	kafkaEgress      = statefun.TypeNameFrom("it/out")
	playgroundEgress = statefun.TypeNameFrom("io.statefun.playground/egress")

	commandType          = statefun.MakeJsonType(statefun.TypeNameFrom("it.types/command"))
	envelopeType         = statefun.MakeJsonType(statefun.TypeNameFrom("it.types/envelope"))
	hopType              = statefun.MakeJsonType(statefun.TypeNameFrom("it.types/hop"))
	docType              = statefun.MakeJsonType(statefun.TypeNameFrom("it.types/doc"))
	playgroundRecordType = statefun.MakeJsonType(statefun.TypeNameFrom("io.statefun.playground/EgressRecord"))
)

// Command is the union of all commands' fields; pointers tell an absent field from an empty one.
type Command struct {
	Op    string  `json:"op"`
	To    string  `json:"to"`
	ID    *string `json:"id"`
	Text  string  `json:"text"`
	N     *int    `json:"n"`
	Ms    int     `json:"ms"`
	Token string  `json:"token"`
	Topic string  `json:"topic"`
}

func (c Command) number() int {
	if c.N == nil {
		return 0
	}
	return *c.N
}

func (c Command) unknown() error {
	return fmt.Errorf("unknown op in %+v", c)
}

// Hop is a message on its way around the languages.
type Hop struct {
	Path []string `json:"path"`
	Seen []string `json:"seen"`
}

// Doc is the custom JSON type.
type Doc struct {
	N int `json:"n"`
}

// PlaygroundRecord is what the playground egress expects.
type PlaygroundRecord struct {
	Topic   string `json:"topic"`
	Payload string `json:"payload"`
}

// Point is the custom binary type: two big-endian 32-bit integers.
type Point struct{ X, Y int32 }

type pointType struct{}

func (pointType) GetTypeName() statefun.TypeName { return statefun.TypeNameFrom("it.types/point") }

func (pointType) Serialize(writer io.Writer, data interface{}) error {
	return binary.Write(writer, binary.BigEndian, data.(Point))
}

func (pointType) Deserialize(reader io.Reader, receiver interface{}) error {
	return binary.Read(reader, binary.BigEndian, receiver.(*Point))
}

func decode(message statefun.Message) (Command, error) {
	var command Command
	err := message.As(commandType, &command)
	return command, err
}

func address(typename, id string) statefun.Address {
	return statefun.Address{FunctionType: statefun.TypeNameFrom(typename), Id: id}
}

func sendString(ctx statefun.Context, to statefun.Address, text string) {
	ctx.Send(statefun.MessageBuilder{Target: to, Value: text, ValueType: statefun.StringType})
}

// number prints 1.5 as 1.5 and 3.0 as 3: the same text in every language.
func number(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

func playgroundRecord(text string) statefun.GenericEgressBuilder {
	return statefun.GenericEgressBuilder{
		Target:    playgroundEgress,
		Value:     PlaygroundRecord{Topic: outTopic, Payload: text},
		ValueType: playgroundRecordType,
	}
}

// say emits one result line.
func say(ctx statefun.Context, format string, arguments ...interface{}) {
	self := ctx.Self()
	line := fmt.Sprintf("%s %s %s ", lang, self.FunctionType.GetType(), self.Id) + fmt.Sprintf(format, arguments...)
	if os.Getenv("IT_OUT") == "playground" {
		ctx.SendEgress(playgroundRecord(line))
		return
	}
	ctx.SendEgress(statefun.KafkaEgressBuilder{Target: kafkaEgress, Topic: outTopic, Key: self.Id, Value: line})
}
