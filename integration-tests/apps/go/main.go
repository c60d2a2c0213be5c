// The test application in Go. What it promises is written in ../CONTRACT.md.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/apache/flink-statefun/statefun-sdk-go/v3/pkg/statefun"
)

var functions = statefun.StatefulFunctionsBuilder()

func bind(typename string, function statefun.StatefulFunctionPointer, states ...statefun.ValueSpec) {
	err := functions.WithSpec(statefun.StatefulFunctionSpec{
		FunctionType: statefun.TypeNameFrom(typename),
		States:       states,
		Function:     function,
	})
	if err != nil {
		log.Fatalf("cannot bind %s: %v", typename, err)
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: app PORT")
	}
	bindMessaging()
	bindState()
	bindTime()
	bindFailures()
	bindEgress()
	bindVectors()

	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/statefun", functions.AsHandler())
	fmt.Println("ready")
	log.Fatal(http.Serve(listener, mux))
}
