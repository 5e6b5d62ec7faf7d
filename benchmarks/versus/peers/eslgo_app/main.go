// eslgo's outbound server with the small application.
package main

import (
	"context"
	"log"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/percipia/eslgo"
)

// linger is sent as it is: the released eslgo's own command has no seconds.
type linger struct{}

func (linger) BuildMessage() string { return "linger 5" }

type application struct {
	ctx  context.Context
	conn *eslgo.Conn
	uuid string

	// eslgo gives each event a goroutine of its own.
	mutex  sync.Mutex
	digits string
}

// command gives each command its time, as eslgo's examples do. Without it the deadline of the one before, of eslgo's
// own `connect` at first, would hold for all that is written later.
func (a *application) command(send func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(a.ctx, 5*time.Second)
	defer cancel()
	return send(ctx)
}

func (a *application) play(ctx context.Context) error {
	_, err := a.conn.Playback(ctx, a.uuid, "/sounds/menu.wav", 1, false)
	return err
}

func (a *application) event(event *eslgo.Event) {
	switch event.GetName() {
	case "DTMF":
		a.key(event.GetHeader("DTMF-Digit"))
	case "DETECTED_SPEECH":
		_ = event.GetHeader("Speech-Type")
	case "CHANNEL_EXECUTE_COMPLETE":
		_ = event.GetHeader("Application-UUID")
	}
}

func (a *application) key(key string) {
	a.mutex.Lock()
	if key != "1" {
		a.digits += key
		a.mutex.Unlock()
		return
	}
	a.digits = ""
	a.mutex.Unlock()
	_ = a.command(a.play)
}

func run(ctx context.Context, conn *eslgo.Conn, response *eslgo.RawResponse) {
	a := &application{ctx: ctx, conn: conn, uuid: response.ChannelUUID()}
	conn.RegisterEventListener(a.uuid, a.event)
	for _, send := range []func(context.Context) error{
		conn.EnableEvents,
		func(ctx context.Context) error { _, err := conn.SendCommand(ctx, linger{}); return err },
		func(ctx context.Context) error { return conn.AnswerCall(ctx, a.uuid) },
		a.play,
	} {
		if a.command(send) != nil {
			return
		}
	}
	<-ctx.Done() // eslgo closes at the disconnect notice
}

func main() {
	runtime.GOMAXPROCS(1)
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	options := eslgo.DefaultOutboundOptions
	options.Logger = nil
	log.Fatalln(options.ListenAndServe("127.0.0.1:"+os.Args[len(os.Args)-1], run))
}
