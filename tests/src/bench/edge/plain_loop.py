"""What most people write: OpenCV reads each camera, every fifth picture goes to ONNX Runtime. Beside it `tests/bench edge`
measures what a gateway costs. Arguments: the model (YOLOX-nano), then addresses. Says `ready` once every camera shows
pictures, runs until it is killed."""

import os
import sys
import threading

os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp|threads;1"

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402

EVERY = 5
SIDE_PX = 416

cv2.setNumThreads(1)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
lock, seen = threading.Lock(), set()


def detect(picture):
    height, width = picture.shape[:2]
    scale = min(SIDE_PX / height, SIDE_PX / width)
    small = cv2.resize(picture, (int(width * scale), int(height * scale)))
    padded = np.full((SIDE_PX, SIDE_PX, 3), 114, np.uint8)
    padded[: small.shape[0], : small.shape[1]] = small
    with lock:
        session.run(None, {name: padded.transpose(2, 0, 1)[None].astype(np.float32)})


def watch(number, url):
    while True:
        camera, count = cv2.VideoCapture(url, cv2.CAP_FFMPEG), 0
        while True:
            read, picture = camera.read()
            if not read:
                break
            if number not in seen:
                seen.add(number)
                if len(seen) == len(sys.argv) - 2:
                    print("ready", flush=True)
            count += 1
            if count % EVERY == 0:
                detect(picture)


threads = [threading.Thread(target=watch, args=one) for one in enumerate(sys.argv[2:])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
