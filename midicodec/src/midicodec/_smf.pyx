# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""The native core: the bytes of tracks ↔ a song's columns, each in one pass.

What is not plainly right is refused here (None), and left to :mod:`midicodec.smf_events` and
:mod:`midicodec.smf_write`, which do the same in Python and say what is wrong: an error has one
home. Every byte that is read is checked against its end first; the GIL is released meanwhile.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

import numpy as np

from midicodec import records as _records

cdef enum:
    SYSEX = 0xF0
    PACKET = 0xF7
    META = 0xFF
    END_OF_TRACK = 0x2F
    MAX_VALUE = 0x0FFFFFFF  # of a variable-length quantity
    TRACK_BITS = 16  # no file has more tracks than its header can say
    ROW = 5
    PIECE = 3

    # What is noted of a message, in the byte that says that it starts; see midicodec.framing.
    START = 1
    SAME_EXPLICIT = 2
    SAME_RUNNING = 4
    ACROSS_EXPLICIT = 8
    ACROSS_RUNNING = 16
    DELTA_PADDED = 32
    LENGTH_PADDED = 64
    JOINED = 128

    # How codes call these.
    CODE_FLIP = 0
    CODE_DELTA = 1
    CODE_LENGTH = 2
    CODE_JOINED = 3
    MAX_GAP = 0x03FFFFFF
    POLICY_SAME_EXPLICIT = 1
    POLICY_ACROSS_RUNNING = 2

    OK = 0
    REFUSED = -1
    NO_MEMORY = -2

cdef object _EMPTY = np.empty
cdef object _UINT8 = np.dtype(np.uint8), _INT64 = np.dtype(np.int64)
cdef object _INT32 = np.dtype(np.int32), _BOOL = np.dtype(np.bool_)

cdef int64_t MAX_TICK = <int64_t> 1 << (62 - TRACK_BITS)  # so that a tick and a track fit one number

# How many bytes a message of each status has, 0 for what is long or not defined.
cdef uint8_t[256] LENGTHS
cdef int _status
for _status in range(256):
    LENGTHS[_status] = _records.KINDS[_status].length if _status in _records.KINDS else 0

include "_smf_bytes.pxi"
include "_smf_events.pxi"
include "_smf_merge.pxi"
include "_smf_read.pxi"
include "_smf_write.pxi"
