"""Whether Qt could show a window here, found out without loading Qt, which would abort the process."""

import ctypes
import importlib.util
import os
import socket
import sys
from pathlib import Path

QT_PACKAGES = (
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 "
    "fonts-dejavu-core"
)
INSTALL_LINE = f"sudo apt-get install -y {QT_PACKAGES}"


def has_display() -> bool:
    """Return whether the environment names a display for Qt."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def why_no_window() -> str:
    """Return why no window can be shown and what to do, in one clause; '' where nothing is in the way."""
    if not sys.platform.startswith("linux"):
        return ""
    if not has_display():
        return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    chosen = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0].split(";")[0]
    if chosen and chosen not in _platforms():
        return f"QT_QPA_PLATFORM names {chosen!r}, and Qt has {', '.join(_platforms())}: unset it"
    if chosen.startswith("wayland") or (not chosen and os.environ.get("WAYLAND_DISPLAY")):
        return _why_no_wayland()
    return _why_no_x() if chosen in ("", "xcb") else ""


def _platforms() -> list[str]:
    return sorted(path.stem.removeprefix("libq") for path in _plugins().glob("libq*.so"))


def _plugins() -> Path:
    found = importlib.util.find_spec("PySide6")
    return Path(found.origin if found and found.origin else "").parent / "Qt" / "plugins" / "platforms"


def _why_no_wayland() -> str:
    name = os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    path = Path(os.environ.get("XDG_RUNTIME_DIR", "/run"), name)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            if os.environ.get("DISPLAY"):
                return _why_no_x()  # where Qt looks next
            return f"nothing answers at the Wayland display {name!r}; start a desktop, or unset WAYLAND_DISPLAY"
    return ""


def _why_no_x() -> str:
    """Load the plugin's libraries and connect to the X server, as Qt would."""
    try:
        ctypes.CDLL(str(_plugins() / "libqxcb.so"))
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        return f"Qt's window plugin cannot be loaded ({error}); install what it needs: {INSTALL_LINE}"
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    display = os.environ.get("DISPLAY", "")
    return f"no X server answers at DISPLAY={display!r}; start one, or unset DISPLAY" if failed else ""
