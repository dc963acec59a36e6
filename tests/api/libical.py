"""Reads an iCalendar from standard input through libical itself, as many mail programs do, and prints what it made of it as JSON:
how many errors, whether RFC 5546's restrictions for its METHOD hold, and its UIDs.
usage: libical.py <FILE"""
import ctypes
import json
import sys

ical = ctypes.CDLL("libical.so.3")
for name in ("icalparser_parse_string", "icalcomponent_get_first_component", "icalcomponent_get_next_component"):
    getattr(ical, name).restype = ctypes.c_void_p
ical.icalparser_parse_string.argtypes = [ctypes.c_char_p]
ical.icalcomponent_get_first_component.argtypes = [ctypes.c_void_p, ctypes.c_int]
ical.icalcomponent_get_next_component.argtypes = [ctypes.c_void_p, ctypes.c_int]
ical.icalcomponent_get_uid.restype = ctypes.c_char_p
ical.icalcomponent_get_summary.restype = ctypes.c_char_p
for name in ("icalcomponent_get_uid", "icalcomponent_get_summary", "icalcomponent_count_errors", "icalrestriction_check", "icalcomponent_isa"):
    getattr(ical, name).argtypes = [ctypes.c_void_p]
ical.icalcomponent_string_to_kind.argtypes = [ctypes.c_char_p]

root = ical.icalparser_parse_string(sys.stdin.buffer.read())
if not root:
    print(json.dumps({"read": False}))
    sys.exit(0)
errors = ical.icalcomponent_count_errors(root)
kept = bool(ical.icalrestriction_check(root))
event = ical.icalcomponent_string_to_kind(b"VEVENT")
events = []
one = ical.icalcomponent_get_first_component(root, event)
while one:
    text = ical.icalcomponent_get_summary(one)
    events.append({"uid": ical.icalcomponent_get_uid(one).decode(), "summary": text.decode() if text else None})
    one = ical.icalcomponent_get_next_component(root, event)
print(json.dumps({"read": True, "errors": errors, "restrictions": kept, "events": events}))
