package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

// found is what one request showed; times in microseconds.
type found struct {
	status int
	taken  float64   // from when it was due to the last byte
	first  float64   // to the first byte of the body
	gaps   []float64 // between pieces of a stream
}

type sender struct {
	address string
	raw     []byte
	idle    chan net.Conn
}

// send issues requests: at a rate, whatever becomes of them (open loop), or from so many callers (closed loop).
func send(arguments []string) error {
	flags := flag.NewFlagSet("send", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:8080", "host:port of the gateway")
	path := flags.String("path", "/v1/chat/completions", "path")
	key := flags.String("key", "", "API key or JWT; none = no authorization")
	bodyFile := flags.String("body", "", "file with the body")
	rate := flags.Float64("rate", 0, "requests a second; 0 = closed loop")
	callers := flags.Int("callers", 32, "of the closed loop")
	seconds := flags.Float64("seconds", 5, "how long")
	spread := flags.Duration("spread", 0, "over which the callers of the closed loop start, one after the other")
	warm := flags.Float64("warm", 1, "seconds before, not counted")
	flags.Parse(arguments)
	body, err := os.ReadFile(*bodyFile)
	if err != nil {
		return err
	}
	authorization := ""
	if *key != "" {
		authorization = "authorization: Bearer " + *key + "\r\n"
	}
	raw := fmt.Sprintf("POST %s HTTP/1.1\r\nhost: %s\r\n%scontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
		*path, *address, authorization, len(body), body)
	from := &sender{*address, []byte(raw), make(chan net.Conn, 16384)}
	begin := time.Now()
	counted := begin.Add(time.Duration(*warm * 1e9))
	end := counted.Add(time.Duration(*seconds * 1e9))
	var results []found
	if *rate > 0 {
		results = from.openLoop(begin, counted, end, *rate)
	} else {
		results = from.closedLoop(begin, counted, end, *callers, *spread)
	}
	return json.NewEncoder(os.Stdout).Encode(summary(results, *seconds))
}

func (s *sender) openLoop(begin, counted, end time.Time, rate float64) []found {
	var lock sync.Mutex
	var all sync.WaitGroup
	var results []found
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(float64(n) / rate * 1e9))
		if due.After(end) {
			break
		}
		time.Sleep(time.Until(due))
		all.Add(1)
		go func() {
			defer all.Done()
			result := s.once(due)
			if due.After(counted) {
				lock.Lock()
				results = append(results, result)
				lock.Unlock()
			}
		}()
	}
	all.Wait()
	return results
}

func (s *sender) closedLoop(begin, counted, end time.Time, callers int, spread time.Duration) []found {
	var lock sync.Mutex
	var all sync.WaitGroup
	var results []found
	for n := 0; n < callers; n++ {
		all.Add(1)
		start := begin.Add(spread * time.Duration(n) / time.Duration(callers))
		go func() {
			defer all.Done()
			var mine []found
			time.Sleep(time.Until(start))
			for now := time.Now(); now.Before(end); now = time.Now() {
				result := s.once(now)
				if now.After(counted) {
					mine = append(mine, result)
				}
			}
			lock.Lock()
			results = append(results, mine...)
			lock.Unlock()
		}()
	}
	all.Wait()
	return results
}

func (s *sender) once(due time.Time) found {
	result := found{}
	var connection net.Conn
	select {
	case connection = <-s.idle:
	default:
		var err error
		if connection, err = net.Dial("tcp", s.address); err != nil {
			return result
		}
	}
	connection.SetDeadline(time.Now().Add(120 * time.Second))
	if _, err := connection.Write(s.raw); err != nil {
		connection.Close()
		return result
	}
	in := bufio.NewReaderSize(connection, 8*1024)
	answer, err := readHead(in)
	if err != nil {
		connection.Close()
		return result
	}
	before := time.Time{}
	err = readBody(in, answer.length, func([]byte) {
		now := time.Now()
		if before.IsZero() {
			result.first = micros(now.Sub(due))
		} else if answer.length < 0 {
			result.gaps = append(result.gaps, micros(now.Sub(before)))
		}
		before = now
	})
	result.taken = micros(time.Since(due))
	if err != nil {
		connection.Close()
		return result
	}
	fmt.Sscanf(strings.TrimPrefix(answer.first, "HTTP/1.1 "), "%d", &result.status)
	if answer.closing {
		connection.Close()
	} else {
		s.idle <- connection
	}
	return result
}

func micros(taken time.Duration) float64 { return float64(taken.Nanoseconds()) / 1000 }

func summary(results []found, seconds float64) map[string]any {
	statuses := map[string]int{}
	var taken, first, gaps []float64
	for _, each := range results {
		statuses[fmt.Sprint(each.status)]++
		taken, first, gaps = append(taken, each.taken), append(first, each.first), append(gaps, each.gaps...)
	}
	return map[string]any{
		"requests_per_second": float64(len(results)) / seconds, "statuses": statuses,
		"latency_us": cuts(taken), "first_byte_us": cuts(first), "gap_us": cuts(gaps),
	}
}

func cuts(values []float64) map[string]float64 {
	if len(values) == 0 {
		return map[string]float64{}
	}
	sort.Float64s(values)
	at := func(share float64) float64 { return values[int(share*float64(len(values)-1))] }
	return map[string]float64{"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1)}
}
