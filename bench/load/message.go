package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// head is the start of a request or an answer.
type head struct {
	first   string
	length  int // -1: chunked
	closing bool
}

func readHead(in *bufio.Reader) (head, error) {
	found := head{}
	line, err := in.ReadString('\n')
	if err != nil {
		return found, err
	}
	found.first = strings.TrimRight(line, "\r\n")
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return found, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return found, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch strings.ToLower(string(name)) {
		case "content-length":
			if found.length, err = strconv.Atoi(string(value)); err != nil {
				return found, err
			}
		case "transfer-encoding":
			found.length = -1
		case "connection":
			found.closing = string(value) == "close"
		}
	}
}

// readBody hands every piece of the body to `piece` as it arrives; the slice is only good until the next one.
func readBody(in *bufio.Reader, length int, piece func([]byte)) error {
	buffer := make([]byte, 16*1024)
	for length > 0 {
		n, err := in.Read(buffer[:min(length, len(buffer))])
		if err != nil {
			return err
		}
		piece(buffer[:n])
		length -= n
	}
	if length == 0 {
		return nil
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return fmt.Errorf("bad chunk: %w", err)
		}
		chunk := make([]byte, size)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return err
		}
		if _, err := in.Discard(2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
		piece(chunk)
	}
}
