// All that the image of the tests holds: the program that keeps a pod alive, and small ones for tests.
package main

import (
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	words := append(os.Args[1:], "", "")
	switch words[0] {
	case "serve":
		// Answers as a single-user server does when the hub asks whether it is there.
		http.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
			answer.Header().Set("X-JupyterHub-Version", "5.3.0")
			answer.Write([]byte(`{"version": "2.0"}`))
		})
		if err := http.ListenAndServe(":"+words[1], nil); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	case "exit":
		os.Stderr.WriteString("I was told to end.\n")
		code, _ := strconv.Atoi(words[1])
		os.Exit(code)
	default:
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
		<-ended
	}
}
