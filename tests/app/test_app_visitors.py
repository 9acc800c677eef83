# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""What visitors cannot do: open paths and URLs, inject HTML, upload or wait without bound."""

import io
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from form_values import values_of
from tiny import FRAME_SIZE, NUM_CLASSES

from nuwa_hf.app.sketch_classes import SketchClasses
from nuwa_hf.cli.output_files import default_name
from nuwa_hf.tasks import get_task


gradio = pytest.importorskip("gradio")
httpx = pytest.importorskip("httpx")
BEGIN = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
END = b"\r\n--x--\r\n"


@pytest.fixture(scope="module")
def server(app):
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True)
    with httpx.Client(base_url=f"{address}gradio_api", timeout=30, trust_env=False) as client:
        yield client


def join(app, server, name, visit="visit", **values):
    """Asks for a task as a browser does."""
    tab = app.tabs[name]
    (function,) = [one for one in app.fns.values() if one.api_name == name]
    data = [values.get(key, getattr(component, "value", None)) for key, component in tab.form.inputs.items()]
    return server.post("/queue/join", json={"data": data, "fn_index": function._id, "session_hash": visit})


def file_at(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png"}


@pytest.mark.parametrize(
    "path", ["http://localhost:1/a.png", "https://example.com/a.png", "/root/a.png", "a.png", __file__]
)
def test_a_path_or_url_that_is_typed_is_not_opened(path, app, server, tmp_path):
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    typed = str(tmp_path / "a.png") if path == "/root/a.png" else path
    for values in ({"image_files": file_at(typed)}, {"mask": {"background": file_at(typed), "layers": []}}):
        answer = join(app, server, "image-completion", **values)
        assert answer.status_code == 400


def test_a_painting_that_is_a_program_is_not_run(app, tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(file, "EPS")
    with pytest.raises(OSError, match="Unable to locate Ghostscript"):
        PIL.Image.open(file).load()
    assert not (tmp_path / "started").exists()


def test_a_url_in_a_text_is_not_opened(app, server):
    assert "not opened" in join(app, server, "text-to-image", prompt=file_at("https://example.com/a.png")).text


def test_addresses_that_would_fetch_others_are_refused(server):
    for address in ("/file=http://localhost:1/", "/file=https%3A//example.com/", "/proxy=https://example.com/"):
        assert server.get(address).status_code == 403
    assert server.get(f"/file={__file__}").status_code == 403


def test_what_gradio_would_do_beside_the_tasks_is_closed(server, tmp_path, monkeypatch):
    """Its history of runs used the Hub token of this machine; its recordings ran FFmpeg without bound."""
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_machine")
    monkeypatch.setattr("huggingface_hub.HfApi.list_buckets", lambda *_, **__: [])
    for address in ("/runs", "/run-history/buckets"):
        assert server.get(address).status_code == 404
    monkeypatch.setattr("gradio.routes.DEFAULT_TEMP_DIR", str(tmp_path))
    answer = server.post("/process_recording", files={"video": ("a.mp4", b"x" * 999)})
    assert (answer.status_code, answer.text) == (403, "This app edits no recordings.")
    assert list(tmp_path.iterdir()) == []


def test_visits_and_answers_do_not_fill_the_memory(app, server):
    import gradio_client

    from nuwa_hf.app.served_blocks import KEPT_VISITS

    client = gradio_client.Client(str(server.base_url).removesuffix("gradio_api/"), verbose=False)
    components = []
    for _ in range(3):
        client.predict(prompt="a red apple", seed="3", num_frames="2", api_name="/text-to-video")
        components.append(len(app.state_holder.session_data[client.session_hash].blocks_config.blocks))
    assert components == [components[0]] * 3
    for visit in range(KEPT_VISITS + 3):
        join(app, server, "image-completion", visit=f"visit {visit}")  # no image is given: refused at once
    assert len(app.state_holder.session_data) == KEPT_VISITS


def test_program_of_the_docs_asks_for_a_picture_and_completes_one(server, uploads, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "app.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(from gradio_client .*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    given = uploads["image-completion"]
    shutil.copy(given["image_files"], "picture.png")
    given["mask"]["layers"][0].save("painted.png")
    names = {}
    address = str(server.base_url).removesuffix("/gradio_api/")
    exec(compile(program.replace("http://127.0.0.1:7860", address), "app.md", "exec"), names)
    assert [one["caption"] for one in names["results"]] == ["seed 3"]
    (mask,) = [np.asarray(PIL.Image.open(file)) for file in names["files"] if Path(file).name == "mask.png"]
    assert mask.shape == (FRAME_SIZE[1], FRAME_SIZE[0])
    assert (mask[: FRAME_SIZE[1] // 2] == 255).all()
    assert not mask[FRAME_SIZE[1] // 2 :].any()


def test_an_app_that_cannot_be_built_leaves_no_sampler(checkpoint, tmp_path):
    from nuwa_hf.app import build_app

    before = set(threading.enumerate())  # some may end meanwhile
    with pytest.raises(OSError, match="nowhere"):
        build_app(checkpoint, compare=tmp_path / "nowhere", device="cpu")
    assert set(threading.enumerate()) <= before


def test_a_large_upload_is_refused(server):
    half, too_large = b"x" * 2**19, b"x" * (2**20 + 2**17)
    assert server.post("/upload", files={"files": ("a.png", half)}).status_code == 200
    assert server.post("/upload", files={"files": ("a.png", too_large)}).status_code == 413
    pieces = (piece for piece in (BEGIN, half, half, half))  # no length is said before
    head = {"content-type": "multipart/form-data; boundary=x"}
    assert server.post("/upload", content=pieces, headers=head).status_code == 413
    frames = [("files", (f"{number}.png", b"x" * 7 * 10**5)) for number in range(10)]  # a file for each frame
    assert server.post("/upload", files=frames[:2]).status_code == 200
    assert server.post("/upload", files=frames).status_code == 413  # more than a video's frames may have
    assert server.post("/queue/join", json={"data": ["x" * 2**21]}).status_code == 413


def test_no_upload_stays_on_the_disk(app, server, tmp_path, monkeypatch):
    """Those that were cut off, or came in a field that is not read, stayed for ever."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where Gradio writes parts of paintings
    half, head = b"x" * 2**19, {"content-type": "multipart/form-data; boundary=x"}
    before, many = set(app.uploads.path.rglob("*")), [BEGIN, half, *[b"\r\n" + BEGIN, half] * 12]
    for address in ("/upload", "/component_server"):
        for body, status in ((many, 413), ([BEGIN, half], 400), ([BEGIN, half, END[:-3]], 400)):
            assert server.post(address, content=iter(body), headers=head).status_code == status
        with socket.create_connection((server.base_url.host, server.base_url.port)) as visitor:
            lines = {"Host": "x", "Content-Length": "99999", "Content-Type": head["content-type"]}
            request = f"POST /gradio_api{address} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
            visitor.sendall(request.encode() + b"\r\n" + BEGIN + b"x" * 999)
            wait_until(lambda: files_in(tmp_path, app.uploads.path) - before)
        wait_until(lambda: not files_in(tmp_path, app.uploads.path) - before)  # the tab was closed
    assert server.post("/upload", files={"x": ("a.png", half)}).json() == []
    (uploaded,) = server.post("/upload", files={"files": ("a.png", half + b"y")}).json()
    for path in app.uploads.path.rglob("*"):
        if path != Path(uploaded):
            os.utime(path, (0, 0))
    app.uploads.sweep()
    assert set(app.uploads.path.rglob("*")) == {Path(uploaded).parent, Path(uploaded)}
    for path in app.uploads.path.rglob("*"):
        os.utime(path, (0, 0))
    app.uploads.sweep()
    assert list(app.uploads.path.iterdir()) == []


def test_a_killed_app_leaves_no_files_of_a_request_elsewhere(app, uploads, tmp_path, monkeypatch):
    """They lay beside the folders of the app, where nobody deleted them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tab, given = app.tabs["image-completion"], "nuwa-app-*/*/given-*/*"
    before = set(app.uploads.path.parent.glob(given))  # of other apps
    running = tab.run(*values_of(tab, uploads["image-completion"]))
    next(running)
    during = set(app.uploads.path.parent.glob(given)) - before
    assert files_in(tmp_path) == set()
    assert len(during) == 4  # a picture and a mask, for two checkpoints
    for folder in {app.uploads.path, *(path.parents[2] for path in during)}:
        os.utime(folder, (0, 0))
    app.uploads.sweep()
    assert all(time.time() - path.parents[2].stat().st_mtime < 3600 for path in during)  # other apps leave it
    assert all(list(running)[-1])
    assert not any(path.exists() for path in during)


def files_in(*folders):
    return {path for folder in folders for path in folder.rglob("*") if not path.is_dir()}


def wait_until(is_so):
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_closed_app_leaves_nothing_and_the_next_one_deletes_what_a_killed_one_left(
    checkpoint, tmp_path, monkeypatch
):
    from nuwa_hf.app import build_app

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    for name, hours in (("nuwa-app-killed", 4), ("nuwa-app-running", 1), ("another", 9)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
        os.utime(tmp_path / name, (time.time() - 3600 * hours,) * 2)
    page = build_app(checkpoint, device="cpu")
    (page.uploads.path / "a.png").touch()
    others = {tmp_path / "nuwa-app-running", tmp_path / "another"}
    assert len(set(tmp_path.iterdir()) - others) == 2  # of the visitors, and of the requests
    page.close()
    assert set(tmp_path.iterdir()) == others


def called_by(app, component, event):
    """What happens when a visitor does something with a component."""
    (function,) = [one.fn for one in app.fns.values() if (component._id, event) in one.targets]
    return function


def test_a_picture_that_is_named_again_and_again_is_not_shown(app, server, uploads):
    show = called_by(app, app.tabs["video-manipulation"].form.inputs["video_files"], "change")
    picture = Path(uploads["image-completion"]["image_files"]).read_bytes()
    (path,) = server.post("/upload", files={"files": ("a.png", picture)}).json()
    with pytest.raises(gradio.Error, match=r"`video` must be at most 6 files"):
        show([path] * 7)
    assert show([path] * 6)[0].size
    os.remove(path)
    with pytest.raises(gradio.Error, match=r"upload it again"):
        show([path])


def test_what_was_painted_stays_on_another_frame(app, uploads):
    """A look at another frame took the mask away, and the video was made without it."""
    (place,) = [one for one in app.blocks.values() if one.elem_id == "video-manipulation-mask-frame"]
    painting, clip = uploads["image-completion"]["mask"], uploads["video-manipulation"]["video_files"]
    show = called_by(app, place, "input")  # by keys too
    shown = [show(clip, number, painting) for number in (None, 1, 2, 99)]
    assert all(one["layers"] == painting["layers"] for one in shown)
    frames = [one["background"].tobytes() for one in shown]
    assert frames[0] == frames[1] != frames[2] != frames[3]
    assert show(clip, 2, None)["layers"] == []
    assert show(None, 2, painting) is None


def test_a_painting_cannot_fill_the_memory(app, server, monkeypatch):
    editor = app.tabs["image-completion"].form.inputs["mask"]
    about = {"component_id": editor._id, "session_hash": "visit", "fn_name": "accept_blobs", "type": "layer"}

    def send(index, name="first", content=b"x" * 600):
        form = {"data": {**about, "index": index, "id": name}, "files": {"file": ("layer.png", content)}}
        return server.post("/component_server", **form).status_code

    assert send("0") == send("7") == 200
    assert [send(index) for index in ("20000000", "8", "-1", "null", "one")] == [400] * 5
    assert len(editor.blob_storage["first"].layers) == 8
    monkeypatch.setattr("nuwa_hf.app.blob_storage.MAX_BYTES", 2000)
    assert send("0", "second") == send("0", "third") == 200
    assert list(editor.blob_storage) == ["second", "third"]
    assert send("0", "fourth", b"x" * 2000) == 413
    assert list(editor.blob_storage) == ["second", "third"]

    file = io.BytesIO()
    PIL.Image.new("1", (9000, 9000)).save(file, "PNG")
    (path,) = server.post("/upload", files={"files": ("a.png", file.getvalue())}).json()
    for count, message in ((1, "at most 67108864 pixels"), (9, "at most 8 layers")):
        painting = {"background": None, "layers": [file_at(path)] * count, "composite": None}
        answer = join(app, server, "image-completion", mask=painting)
        assert answer.status_code == 400
        assert message in answer.text


def test_requests_beyond_the_queue_are_refused(app, server):
    sampler = app.tabs["text-to-image"].checkpoints[0].sampler
    with sampler._changed:  # the sampler waits, and so does whoever asks it
        statuses = [join(app, server, "text-to-image", prompt="a bird").status_code for _ in range(12)]
    assert statuses[0] == 200
    assert statuses[-1] == 503


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("got '<script>' in '/home/me/<i>.png'", "got '&lt;script&gt;' in '&lt;i&gt;.png'"),
        ("""got "/home/me/it's mine.png", which""", """got "it's mine.png", which"""),
    ],
)
def test_a_message_is_text_and_names_no_folder(message, shown):
    from nuwa_hf.app.messages import shown_error

    with pytest.raises(gradio.Error) as caught, shown_error():
        raise ValueError(message)
    assert caught.value.message == shown


HOSTILE = "<script>1<!script><img src=x onerror=1>[a](javascript:1)![b](x)**c**$$d$$ `e`\n# f"


def test_names_cards_and_captions_of_strangers_are_text_on_the_page(checkpoint, tmp_path):
    from nuwa_hf.app import build_app
    from nuwa_hf.app.input_files import copy_upload

    folder = tmp_path / HOSTILE
    shutil.copytree(checkpoint, folder)
    (folder / "README.md").write_text("<b>the card</b>")
    page = build_app(folder, compare=folder, device="cpu")
    components = page.get_config_file()["components"]
    page.close()
    rendered = [one["props"].get("value") or "" for one in components if one["type"] in ("markdown", "html")]
    explained = [one["props"].get("info") or "" for one in components]  # Markdown too
    (named,) = [one for one in rendered if "script" in one]
    assert not re.search(r"[!-/:-@\[-`{-~]", re.sub(r"\\[!-/:-@\[-`{-~]|  \n", "", named))  # all are escaped
    assert HOSTILE.replace("\n", " ") in re.sub(r"\\(.)", r"\1", named)
    assert not any("onerror" in one for one in explained)
    assert "the card" not in str(components)
    (tmp_path / "<img src=x onerror=1>.png").touch()
    assert copy_upload(str(tmp_path / "<img src=x onerror=1>.png"), "image", tmp_path).name == "image.png"
    assert re.fullmatch(r"[\w-]+", default_name(get_task("T2I"), HOSTILE, []))


def test_a_painting_in_the_palettes_colours_is_its_class_map():
    for count in (NUM_CLASSES, 7, 200):
        classes = SketchClasses.of_count(count)
        wanted = np.random.default_rng(0).integers(0, count, (4, 6)).astype(np.uint8)
        painting = PIL.Image.fromarray(classes.palette[wanted]).resize((48, 32), PIL.Image.Resampling.NEAREST)
        painting.putalpha(255)
        blurred = painting.resize((480, 320), PIL.Image.Resampling.BILINEAR)  # soft edges, as a brush has
        for one in (painting, blurred):
            np.testing.assert_array_equal(classes.class_map(one, 0, 4, 6), wanted)
        painting.putalpha(0)
        assert (classes.class_map(painting, 3, 4, 6) == 3).all()
        assert len(set(classes.hex_colors)) == count == len(set(classes.names))
