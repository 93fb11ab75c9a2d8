"""The peak of memory while two epochs of images are read; run in a process of its own.

python -m tests.data.peak_memory IMAGES CACHE    prints bytes; CACHE is True, False or a path
"""

import resource
import sys

import tensorflow as tf

from kerasgan import data


def main(count, cache):
    def image(number):
        return tf.cast(tf.random.stateless_uniform((64, 64, 3), (number, number), 0, 256, tf.int32), tf.uint8), number

    examples = tf.data.Dataset.range(count).map(image)
    source = data.Source(examples, count, None, "drawn", lambda: "drawn", cache_key=lambda: f"drawn {count}")
    loaded = data.load(
        source, image_size=64, shuffle_buffer=200, cache={"True": True, "False": False}.get(cache, cache)
    )
    for _ in range(2):
        for _ in loaded:
            pass
    print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


main(int(sys.argv[1]), sys.argv[2])
