package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net"
	"regexp"
	"time"
)

const whole = `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini",` +
	`"choices":[{"index":0,"message":{"role":"assistant","content":"Four words of answer."},"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":200,"completion_tokens":4,"total_tokens":204}}`

const piece = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini",` +
	`"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}` + "\n\n"

const last = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini",` +
	`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
	`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini",` +
	`"choices":[],"usage":{"prompt_tokens":200,"completion_tokens":20,"total_tokens":220}}` + "\n\ndata: [DONE]\n\n"

// What stands for a value that the gateway took out of the prompt: the answer says it again, cut in two.
var placeholder = regexp.MustCompile(`\[[A-Z][A-Z_]*_[0-9A-Za-z]+\]`)

// serve is a provider that answers at once; to `"stream": true` with pieces, one per interval.
func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:9001", "address")
	pieces := flags.Int("pieces", 20, "pieces of a streamed answer")
	interval := flags.Duration("interval", 50*time.Millisecond, "between them")
	flags.Parse(arguments)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(connection, *pieces, *interval)
	}
}

func answer(connection net.Conn, pieces int, interval time.Duration) {
	defer connection.Close()
	in := bufio.NewReaderSize(connection, 32*1024)
	body := bytes.Buffer{}
	ready := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
		len(whole), whole))
	for {
		request, err := readHead(in)
		if err != nil {
			return
		}
		body.Reset()
		if readBody(in, request.length, func(part []byte) { body.Write(part) }) != nil {
			return
		}
		if !bytes.Contains(body.Bytes(), []byte(`"stream":true`)) {
			if _, err := connection.Write(ready); err != nil {
				return
			}
			continue
		}
		if stream(connection, placeholder.Find(body.Bytes()), pieces, interval) != nil {
			return
		}
	}
}

func stream(connection net.Conn, echoed []byte, pieces int, interval time.Duration) error {
	start := "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
	if _, err := connection.Write([]byte(start)); err != nil {
		return err
	}
	due := time.Now()
	for n := 0; n < pieces; n++ {
		time.Sleep(time.Until(due))
		said := fmt.Sprintf(piece, word(echoed, n))
		if _, err := fmt.Fprintf(connection, "%x\r\n%s\r\n", len(said), said); err != nil {
			return err
		}
		due = due.Add(interval)
	}
	_, err := fmt.Fprintf(connection, "%x\r\n%s\r\n0\r\n\r\n", len(last), last)
	return err
}

func word(echoed []byte, n int) string {
	half := len(echoed) / 2
	switch {
	case half > 0 && n%4 == 1:
		return string(echoed[:half])
	case half > 0 && n%4 == 2:
		return string(echoed[half:])
	}
	if n%40 == 7 { // what a guard on answers has to find: nobody sent it
		return "to eve.adams@example.org "
	}
	return "word "
}
