"""Downloads, from a server on this machine: no other is asked."""

import contextlib
import dataclasses
import hashlib
import http.server
import pathlib
import sys
import threading

import pytest
from digit_files import write_digits

from vsc_jax.datasets import DatasetNotFoundError, _download, load_dataset
from vsc_jax.datasets._registry import SOURCES

pytest.importorskip("pooch", reason="the extra download is not installed")
ROOT = pathlib.Path(__file__).parents[2]
CONTENTS = {"a.bin": b"the original" * 1000, "b.bin": b"another one" * 1000}


class Server:
    """Serves `files` at `address`; what was asked for is in `asked`."""

    def __init__(self):
        self.files = dict(CONTENTS)
        self.asked = []
        self.cut_off_at = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.removeprefix("/")
                outer.asked.append(name)
                if name not in outer.files:
                    self.send_error(404, "Not Found")
                    return
                content = outer.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: outer.cut_off_at])

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with contextlib.closing(Server()) as running:
        yield running


def source_of(address, contents=CONTENTS, name="mnist"):
    known = {
        file: (len(content), hashlib.sha256(content).hexdigest())
        for file, content in contents.items()
    }
    return dataclasses.replace(SOURCES[name], address=address, downloads=known)


def there(folder):
    """The files in a folder; what is half done has a name of its own."""
    return sorted(path.name for path in folder.glob("*"))


def test_what_is_not_there_yet_is_downloaded(tmp_path, server):
    folder = tmp_path / "new" / "folder"
    source = source_of(server.address)
    assert _download.fetch_files(source, folder) == folder
    assert {name: (folder / name).read_bytes() for name in there(folder)} == CONTENTS
    assert server.asked == ["a.bin", "b.bin"]
    (folder / "b.bin").unlink()
    _download.fetch_files(source, folder)
    assert server.asked == ["a.bin", "b.bin", "b.bin"]


def test_without_a_folder_it_is_kept_in_the_cache(tmp_path, server, monkeypatch):
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    folder = _download.fetch_files(source_of(server.address), None)
    assert folder == tmp_path / "vsc_jax" / "mnist"
    assert there(folder) == ["a.bin", "b.bin"]


def refused(error, message, source, folder):
    with pytest.raises(error, match=message) as caught:
        _download.fetch_files(source, folder)
    assert "\n" not in str(caught.value)


def test_another_file_than_the_original_is_not_kept(tmp_path, server):
    server.files["a.bin"] = b"THE ORIGINAL" * 1000
    message = r"a\.bin is not the file that is known, .* nothing is kept of it\.$"
    refused(ValueError, message, source_of(server.address), tmp_path)
    assert there(tmp_path) == []
    server.files["a.bin"] += b"!"
    message = r"cannot be downloaded: .*it sent 12,001 bytes of 12,000; nothing is"
    refused(DatasetNotFoundError, message, source_of(server.address), tmp_path)
    assert there(tmp_path) == []


def test_a_download_that_is_cut_off_leaves_nothing(tmp_path, server):
    server.cut_off_at = 5000
    message = r"a\.bin cannot be downloaded: .*; nothing is kept of it\. Try again"
    refused(DatasetNotFoundError, message, source_of(server.address), tmp_path)
    assert there(tmp_path) == []
    server.cut_off_at = None
    _download.fetch_files(source_of(server.address), tmp_path)
    assert there(tmp_path) == ["a.bin", "b.bin"]


def test_a_file_that_the_server_does_not_have(tmp_path, server):
    del server.files["a.bin"]
    message = r"cannot be downloaded: the server answers 404 Not Found; nothing"
    refused(DatasetNotFoundError, message, source_of(server.address), tmp_path)
    assert there(tmp_path) == []


def test_a_server_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    gone = Server()
    gone.close()
    message = r"cannot be downloaded: ConnectionError: .*or put a\.bin into "
    refused(DatasetNotFoundError, message, source_of(gone.address), tmp_path)
    assert there(tmp_path) == []


def test_a_file_of_the_user_is_left_alone(tmp_path, server):
    (tmp_path / "a.bin").write_bytes(b"mine")
    message = r"a\.bin is there, but is not the original file of 12,000 bytes; move"
    refused(ValueError, message, source_of(server.address), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"
    assert server.asked == []


def test_a_folder_that_cannot_be_written(tmp_path, server):
    (tmp_path / "file").write_bytes(b"")
    message = r"cannot be written: .*; give another path"
    refused(
        DatasetNotFoundError,
        message,
        source_of(server.address),
        tmp_path / "file" / "x",
    )


def test_data_sets_without_known_files_and_without_the_package(tmp_path, monkeypatch):
    message = "download must be False for celeb_a: no files are known for it"
    refused(ValueError, message, SOURCES["celeb_a"], tmp_path)
    monkeypatch.setitem(sys.modules, "pooch", None)
    message = r'needs the package pooch: pip install "vsc_jax\[download\]"'
    refused(ImportError, message, SOURCES["mnist"], tmp_path)


def test_load_dataset_downloads_when_it_is_told_to(tmp_path, server, monkeypatch):
    originals = write_digits(tmp_path / "originals")
    server.files = {path.name: path.read_bytes() for path in originals.iterdir()}
    monkeypatch.setitem(SOURCES, "mnist", source_of(server.address, server.files))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    folder = tmp_path / "data"
    with pytest.raises(DatasetNotFoundError, match=r"add --config\.data\.download=tru"):
        load_dataset("mnist", path=folder)
    assert server.asked == []
    dataset = load_dataset("mnist", path=folder, download=True)
    assert len(server.asked) == 4
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (40, 20)
    load_dataset("mnist", path=folder)
    with pytest.raises(TypeError, match="download must be True or False, got 'no'"):
        load_dataset("mnist", path=folder, download="no")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "source", [s for s in SOURCES.values() if s.downloads], ids=lambda s: s.name
)
def test_known_files_have_an_address_a_licence_and_a_checksum(source):
    assert source.address.startswith(("https://", "http://"))
    assert source.address.endswith("/")
    for size, digest in source.downloads.values():
        assert size > 0
        assert len(bytes.fromhex(digest)) == 32
    page = (ROOT / "docs" / "pages" / "data.md").read_text()
    megabytes = round(sum(size for size, _ in source.downloads.values()) / 1e6)
    row = f"| `{source.name}` | {source.licence} | {megabytes} MB |"
    assert row in page


def test_files_with_known_checksums_are_those_that_are_downloaded():
    for source in SOURCES.values():
        if source.downloads and source.checksums:
            assert source.downloads == source.checksums
