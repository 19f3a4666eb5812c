// Command load sends chat requests by a clock, or answers them as a provider: `load send ...`, `load serve ...`.
//
// HTTP/1.1 with keep-alive, written by hand: on shared cores the load generator must not be what is measured.
package main

import (
	"fmt"
	"os"
)

func main() {
	verbs := map[string]func([]string) error{"send": send, "serve": serve}
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: load send|serve [flags]; -h after the verb lists them")
		os.Exit(2)
	}
	if err := verbs[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
