# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""Channel messages as mido's objects ↔ records, many at a time.

The one place that knows what mido's objects are made of: the attributes that its table
``mido.messages.specs`` names, and nothing else. Whatever is not exactly so is left to
:mod:`midicodec.border`, which asks mido.
"""

from cpython.float cimport PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject, PyTypeObject
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint8_t

cdef extern from "Python.h":
    object PyObject_GenericGetAttr(object, object)
    int PyObject_GenericSetAttr(object, object, object) except -1
    void PyObject_GC_Track(PyObject*)
    void PyObject_GC_UnTrack(PyObject*)

cdef str NOTE_OFF = "note_off", NOTE_ON = "note_on"
cdef str TYPE = "type", TIME = "time", CHANNEL = "channel", PITCH = "pitch"
cdef tuple NAMES = (  # by the upper half of the status, from 8 on
    (NOTE_OFF, "note", "velocity"),
    (NOTE_ON, "note", "velocity"),
    ("polytouch", "note", "value"),
    ("control_change", "control", "value"),
    ("program_change", "program", None),
    ("aftertouch", "value", None),
    ("pitchwheel", "pitch", None),
)
# The same, without a look into tuples for each message; NAMES keeps them alive.
cdef PyObject* KINDS[7]
cdef PyObject* FIRST[7]
cdef PyObject* SECOND[7]
for _high, _names in enumerate(NAMES):
    KINDS[_high], FIRST[_high] = <PyObject*> _names[0], <PyObject*> _names[1]
    SECOND[_high] = <PyObject*> _names[2] if _names[2] is not None else NULL
cdef dict NUMBERS = {names[0]: number for number, names in enumerate(NAMES)}
cdef int LOWEST_PITCH = -8192
cdef tuple NOTHING = ()


def prime(type cls):
    """Have ``cls`` know the names of all attributes before its first objects have a few of them.

    Python keeps the attributes of a class's objects in arrays that share one table of names, but
    closes the table after some thirty objects: a name that comes later costs each object that has
    it a dictionary of its own, which takes three times as long to make.
    """
    first = (<PyTypeObject*> cls).tp_new(cls, <PyObject*> NOTHING, NULL)
    for name in (TYPE, TIME, CHANNEL, *(name for names in NAMES for name in names[1:] if name)):
        PyObject_GenericSetAttr(first, name, None)


def make_messages(
    type cls, const uint8_t[:, ::1] records, bint in_ticks,
    const int64_t[::1] ticks, const double[::1] seconds,
):
    """Return a list of ``cls`` (mido.Message), one for each record, and how many there are of it.

    Those are the whole channel messages; for any other record the list has None. Their times are
    those of ``ticks``, or of ``seconds``; the other array is not looked at.
    """
    cdef Py_ssize_t n = records.shape[0], i, made = 0
    cdef list messages = [None] * n
    if n and (records.shape[1] != 5 or (ticks.shape[0] if in_ticks else seconds.shape[0]) != n):
        raise ValueError("columns of different lengths")
    # The collector would look at this list, and all that is in it by then, again and again.
    PyObject_GC_UnTrack(<PyObject*> messages)
    for i in range(n):
        if is_channel_message(&records[i, 0]):
            if in_ticks:
                messages[i] = make_message(cls, &records[i, 0], ticks[i])
            else:
                messages[i] = make_message(cls, &records[i, 0], seconds[i])
            made += 1
    PyObject_GC_Track(<PyObject*> messages)
    return messages, made


cdef inline bint is_channel_message(const uint8_t* record) noexcept:
    """Whether a record of five bytes is one; what follows from midicodec.records and its table."""
    cdef bint short = 0xC0 <= record[1] < 0xE0
    return (
        record[0] == 0 and 0x80 <= record[1] < 0xF0 and (record[2] | record[3]) < 0x80
        and record[4] == (2 if short else 3) and not (short and record[3])
    )


cdef object make_message(type cls, const uint8_t* record, object time):
    cdef uint8_t status = record[1]
    cdef int high = (status >> 4) - 8, bend
    message = (<PyTypeObject*> cls).tp_new(cls, <PyObject*> NOTHING, NULL)
    # Not by mido's own __setattr__, which checks every value.
    PyObject_GenericSetAttr(message, TYPE, <object> KINDS[high])
    PyObject_GenericSetAttr(message, TIME, time)
    if status >= 0xE0:
        bend = (record[2] | record[3] << 7) + LOWEST_PITCH
        PyObject_GenericSetAttr(message, PITCH, bend)
    else:
        PyObject_GenericSetAttr(message, <object> FIRST[high], record[2])
        if SECOND[high] != NULL:
            PyObject_GenericSetAttr(message, <object> SECOND[high], record[3])
    PyObject_GenericSetAttr(message, CHANNEL, status & 0x0F)
    # It holds numbers and strings, which are in no cycle. The collector would look at all messages
    # again and again as they become more, which takes longer than making them.
    PyObject_GC_UnTrack(<PyObject*> message)
    return message


def take_messages(
    type cls, list messages, bint in_ticks,
    uint8_t[:, ::1] records, int64_t[::1] ticks, double[::1] seconds, uint8_t[::1] taken,
):
    """Write the record and the time of each channel message; ``taken`` says which are written.

    The time goes to ``ticks``, or to ``seconds``; the other array is not touched.
    """
    cdef Py_ssize_t n = len(messages), i = -1
    if records.shape[0] != n or records.shape[1] != 5 or taken.shape[0] != n:
        raise ValueError("arrays of different lengths")
    if (ticks.shape[0] if in_ticks else seconds.shape[0]) != n:
        raise ValueError("arrays of different lengths")
    while i < n:
        try:
            for i in range(i + 1, n):
                message = messages[i]
                if type(message) is cls:
                    taken[i] = (
                        (take_ticks(message, &ticks[i]) if in_ticks
                         else take_seconds(message, &seconds[i]))
                        and take_message(message, &records[i, 0])
                    )
            return
        except (AttributeError, OverflowError):
            pass  # an attribute is missing, or a number beyond all bounds: go on with the next


cdef bint take_ticks(object message, int64_t* ticks) except -1:
    time = PyObject_GenericGetAttr(message, TIME)
    if not PyLong_CheckExact(time):
        return False
    ticks[0] = time
    return ticks[0] >= 0


cdef bint take_seconds(object message, double* seconds) except -1:
    time = PyObject_GenericGetAttr(message, TIME)
    if not PyFloat_CheckExact(time) and not PyLong_CheckExact(time):
        return False
    seconds[0] = time
    return 0 <= seconds[0] < INFINITY


cdef bint take_message(object message, uint8_t* record) except -1:
    cdef int high, channel, one, two
    # Not from the object's dictionary: asking for that would make one, for each object.
    kind = PyObject_GenericGetAttr(message, TYPE)
    if kind is NOTE_ON:  # most are
        high = 1
    elif kind is NOTE_OFF:
        high = 0
    else:
        number = NUMBERS.get(kind) if type(kind) is str else None
        if number is None:
            return False
        high = number
    channel = small(PyObject_GenericGetAttr(message, CHANNEL), 15)
    if high == 6:
        one = pitch(PyObject_GenericGetAttr(message, PITCH))
        two = one >> 7
        if one >= 0:
            one &= 0x7F
    else:
        one, two = small(PyObject_GenericGetAttr(message, <object> FIRST[high]), 127), 0
        if SECOND[high] != NULL:
            two = small(PyObject_GenericGetAttr(message, <object> SECOND[high]), 127)
    if channel < 0 or one < 0 or two < 0:
        return False
    record[0] = 0
    record[1] = <uint8_t> (0x80 | high << 4 | channel)
    record[2] = <uint8_t> one
    record[3] = <uint8_t> two
    record[4] = 2 if 4 <= high <= 5 else 3
    return True


cdef int small(object value, int most) except -2:
    """Return ``value`` if it is an int from 0 to ``most``, else -1."""
    cdef int64_t found
    if not PyLong_CheckExact(value):
        return -1
    found = value
    return <int> found if 0 <= found <= most else -1


cdef int pitch(object value) except -2:
    """Return a pitch bend as the 14 bits that mean it, or -1 if it is none."""
    cdef int64_t found
    if not PyLong_CheckExact(value):
        return -1
    found = value
    return <int> found - LOWEST_PITCH if LOWEST_PITCH <= found < -LOWEST_PITCH else -1
