# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""Channel messages as mido's objects ↔ records, many at a time.

The one place that knows what mido's objects are made of: the attributes that its table
``mido.messages.specs`` names, in the object's dictionary. Whatever is not exactly so is left to
:mod:`midicodec.border`, which asks mido.
"""

from cpython.float cimport PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject, PyTypeObject
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t

import gc

cdef extern from "Python.h":
    object PyObject_GenericGetDict(object, void*)
    int PyObject_GenericSetAttr(object, object, object) except -1
    int64_t PyLong_AsLongLongAndOverflow(object, int*) except? -1

cdef str TYPE = "type", TIME = "time", CHANNEL = "channel", PITCH = "pitch"
cdef tuple NAMES = (  # by the upper half of the status, from 8 on
    ("note_off", "note", "velocity"),
    ("note_on", "note", "velocity"),
    ("polytouch", "note", "value"),
    ("control_change", "control", "value"),
    ("program_change", "program", None),
    ("aftertouch", "value", None),
    ("pitchwheel", "pitch", None),
)
cdef dict NUMBERS = {names[0]: number for number, names in enumerate(NAMES)}
cdef int LOWEST_PITCH = -8192
cdef tuple NOTHING = ()


def make_messages(type cls, const uint8_t[:, ::1] records, list times, const uint8_t[::1] wanted):
    """Return a list of ``cls`` (mido.Message), one for each record that is ``wanted``, else None.

    Those must be whole channel messages; ``times`` has their times.
    """
    cdef Py_ssize_t n = records.shape[0], i
    cdef list messages = [None] * n
    cdef bint collecting = gc.isenabled()
    if n and (records.shape[1] != 5 or len(times) != n or wanted.shape[0] != n):
        raise ValueError("columns of different lengths")
    # None of these objects is in a cycle, but the collector would look at all of them again and
    # again as they become more, which takes longer than making them.
    gc.disable()
    try:
        for i in range(n):
            if wanted[i]:
                messages[i] = make_message(cls, records, i, times[i])
    finally:
        if collecting:
            gc.enable()
    return messages


cdef object make_message(type cls, const uint8_t[:, ::1] records, Py_ssize_t i, object time):
    cdef uint8_t status = records[i, 1]
    cdef tuple names
    cdef int bend
    if not 0x80 <= status < 0xF0:
        raise ValueError(f"record {i} is no channel message")
    names = <tuple> NAMES[(status >> 4) - 8]
    message = (<PyTypeObject*> cls).tp_new(cls, <PyObject*> NOTHING, NULL)
    # Not by mido's own __setattr__, which checks every value.
    PyObject_GenericSetAttr(message, TYPE, names[0])
    PyObject_GenericSetAttr(message, TIME, time)
    if status >= 0xE0:
        bend = (records[i, 2] | records[i, 3] << 7) + LOWEST_PITCH
        PyObject_GenericSetAttr(message, PITCH, bend)
    else:
        PyObject_GenericSetAttr(message, names[1], records[i, 2])
        if names[2] is not None:
            PyObject_GenericSetAttr(message, names[2], records[i, 3])
    PyObject_GenericSetAttr(message, CHANNEL, status & 0x0F)
    return message


def take_messages(
    type cls, list messages, bint in_ticks,
    uint8_t[:, ::1] records, int64_t[::1] ticks, double[::1] seconds, uint8_t[::1] taken,
):
    """Write the record and the time of each channel message; ``taken`` says which are written.

    The time goes to ``ticks``, or to ``seconds``; the other array is not touched.
    """
    cdef Py_ssize_t n = len(messages), i
    cdef int overflow = 0
    cdef int64_t tick = 0
    cdef double second = 0
    cdef dict values
    cdef tuple names
    cdef object kind, number, time, message
    cdef int high, channel, one, two
    if records.shape[0] != n or records.shape[1] != 5 or taken.shape[0] != n:
        raise ValueError("arrays of different lengths")
    if (ticks.shape[0] if in_ticks else seconds.shape[0]) != n:
        raise ValueError("arrays of different lengths")
    for i in range(n):
        message = messages[i]
        if type(message) is not cls:
            continue
        values = <dict> PyObject_GenericGetDict(message, NULL)
        kind = values.get(TYPE)
        number = NUMBERS.get(kind) if type(kind) is str else None
        if number is None:
            continue
        high = number
        names = <tuple> NAMES[high]
        time = values.get(TIME)
        if in_ticks:
            if not PyLong_CheckExact(time):
                continue
            tick = PyLong_AsLongLongAndOverflow(time, &overflow)
            if overflow or tick < 0:
                continue
        else:
            if not PyFloat_CheckExact(time) and not PyLong_CheckExact(time):
                continue
            try:
                second = time
            except OverflowError:
                continue
            if not 0 <= second < INFINITY:
                continue
        channel = small(values.get(CHANNEL), 15)
        one = small(values.get(names[1]), 127)
        two = 0 if names[2] is None else small(values.get(names[2]), 127)
        if high == 6:
            one = pitch(values.get(PITCH))
            two = one >> 7
            if one >= 0:
                one &= 0x7F
        if channel < 0 or one < 0 or two < 0:
            continue
        records[i, 0] = 0
        records[i, 1] = <uint8_t> (0x80 | high << 4 | channel)
        records[i, 2] = <uint8_t> one
        records[i, 3] = <uint8_t> two
        records[i, 4] = 2 if 4 <= high <= 5 else 3
        if in_ticks:
            ticks[i] = tick
        else:
            seconds[i] = second
        taken[i] = True


cdef int small(object value, int most) except -2:
    """Return ``value`` if it is an int from 0 to ``most``, else -1."""
    cdef int overflow = 0
    cdef int64_t found
    if not PyLong_CheckExact(value):
        return -1
    found = PyLong_AsLongLongAndOverflow(value, &overflow)
    return <int> found if not overflow and 0 <= found <= most else -1


cdef int pitch(object value) except -2:
    """Return a pitch bend as the 14 bits that mean it, or -1 if it is none."""
    cdef int overflow = 0
    cdef int64_t found
    if not PyLong_CheckExact(value):
        return -1
    found = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or not LOWEST_PITCH <= found < -LOWEST_PITCH:
        return -1
    return <int> found - LOWEST_PITCH
