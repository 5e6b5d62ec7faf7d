/* FreeSWITCH's C library with the small application: a thread a call, as in the library's own example. */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <esl.h>

static void play(esl_handle_t *handle)
{
	esl_execute(handle, "playback", "/sounds/menu.wav", NULL);
}

static void run(esl_socket_t server, esl_socket_t client, struct sockaddr_in *addr, void *data)
{
	esl_handle_t handle = {{0}};
	char digits[128] = "";
	size_t count = 0;

	(void) server;
	(void) data;
	if (esl_attach_handle(&handle, client, addr) != ESL_SUCCESS) {
		return;
	}
	esl_send_recv(&handle, "myevents");
	esl_send_recv(&handle, "linger 5");
	esl_execute(&handle, "answer", NULL, NULL);
	play(&handle);
	/* 1: also the events that came before a command's reply. */
	while (esl_recv_event(&handle, 1, NULL) == ESL_SUCCESS) {
		esl_event_t *event = handle.last_ievent;
		const char *key;

		if (event == NULL) {
			continue;
		}
		switch (event->event_id) {
		case ESL_EVENT_DTMF:
			key = esl_event_get_header(event, "DTMF-Digit");
			if (key == NULL) {
				break;
			}
			if (strcmp(key, "1") == 0) {
				count = 0;
				play(&handle); /* the event is gone after it */
			} else if (count + 1 < sizeof(digits)) {
				digits[count++] = *key;
			}
			digits[count] = '\0';
			break;
		case ESL_EVENT_DETECTED_SPEECH:
			esl_event_get_header(event, "Speech-Type");
			break;
		case ESL_EVENT_CHANNEL_EXECUTE_COMPLETE:
			esl_event_get_header(event, "Application-UUID");
			break;
		default:
			break;
		}
	}
	esl_disconnect(&handle);
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
	/* The library zeroes 6.5 MB a call. Fresh from the kernel that costs nothing; used again, as glibc would, a lot. */
	mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	esl_global_set_default_logger(0); /* else each event is written out for a log that nobody reads */
	esl_listen_threaded("127.0.0.1", (esl_port_t) atoi(argv[argc - 1]), run, NULL, 100000);
	return 1;
}
