"""Where in FreeSWITCH's source each event is fired: its Event-Calling-* headers."""

from __future__ import annotations

_CHANNEL = "switch_channel.c"
_ASYNC = "switch_ivr_async.c"
_PLAY = "switch_ivr_play_say.c"
_SESSION = "switch_core_session.c"
_SOCKET = "mod_event_socket.c"

SOURCES = {
    "BACKGROUND_JOB": (_SOCKET, "api_exec", "1572"),
    "CALL_UPDATE": ("mod_sofia.c", "sofia_receive_message", "2100"),
    "CHANNEL_ANSWER": (_CHANNEL, "switch_channel_perform_mark_answered", "3846"),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1689"),
    "CHANNEL_CALLSTATE": (_CHANNEL, "switch_channel_perform_set_callstate", "301"),
    "CHANNEL_DATA": (_SOCKET, "parse_command", "2021"),
    "CHANNEL_EXECUTE": (_SESSION, "switch_core_session_exec", "2944"),
    "CHANNEL_EXECUTE_COMPLETE": (_SESSION, "switch_core_session_exec", "2967"),
    "CHANNEL_HANGUP": (_CHANNEL, "switch_channel_perform_hangup", "3445"),
    "CHANNEL_HANGUP_COMPLETE": (
        "switch_core_state_machine.c",
        "switch_core_session_reporting_state",
        "943",
    ),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", "1002"),
    "CHANNEL_PROGRESS_MEDIA": (_CHANNEL, "switch_channel_perform_mark_pre_answered", "3560"),
    "CHANNEL_STATE": (_CHANNEL, "switch_channel_perform_set_running_state", "2408"),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1879"),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", "1213"),
    "CUSTOM": ("mod_dptools.c", "event_function", "1902"),
    "DETECTED_SPEECH": (_ASYNC, "speech_thread", "5070"),
    "DTMF": (_CHANNEL, "switch_channel_dequeue_dtmf", "677"),
    "PLAYBACK_START": (_PLAY, "switch_ivr_play_file", "1646"),
    "PLAYBACK_STOP": (_PLAY, "switch_ivr_play_file", "2020"),
    "RECORD_START": (_ASYNC, "record_callback", "1481"),
    "RECORD_STOP": (_ASYNC, "send_record_stop_event", "1240"),
}
