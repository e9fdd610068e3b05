"""The menus and their keys; the command palette and the dialog of keys are made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu

from viewer.qt.catalogue import PANELS, panels_of
from viewer.qt.widgets.panel import Panel
from viewer.state.formatting import clean

if TYPE_CHECKING:
    from viewer.qt.dialogs import KeySheet, Palette
    from viewer.qt.main_window import MainWindow

TEXT_STEP = 0.1  # of Ctrl++ and Ctrl+−


def build(window: MainWindow) -> None:
    """Give the window its menus."""
    window.images.picture_wanted.connect(lambda: _open_pictures(window))
    _files(window)
    _selection(window)
    _images(window)
    _view(window)
    _help(window)


def _files(window: MainWindow) -> None:
    files = window.menuBar().addMenu("&File")
    _action(files, "Open &folder…", "Ctrl+Shift+O", lambda: open_folder(window))
    _action(files, "&Open file…", "Ctrl+O", lambda: open_file(window))
    recent = files.addMenu("Open &recent")
    recent.aboutToShow.connect(lambda: _fill_recent(recent, window))
    _action(files, "Open the pretrained &models", "", window.open_pretrained)
    files.addSeparator()
    _action(files, "Open &pictures…", "Ctrl+P", lambda: _open_pictures(window))
    _action(files, "&Export the panel…", "Ctrl+Shift+E", lambda: _export(window, "choose_file"))
    _action(files, "&Copy the panel's picture", "Ctrl+Shift+C", lambda: _export(window, "copy_picture"))
    _action(files, "Copy the panel's &numbers", "Ctrl+Shift+N", lambda: _export(window, "copy_numbers"))
    files.addSeparator()
    _action(files, "Pre&ferences…", "Ctrl+,", partial(_open_dialog, window, "Preferences"))
    files.addSeparator()
    _action(files, "&Rescan", "F5", window.run_loader.try_again)
    files.addSeparator()
    _action(files, "&Quit", "Ctrl+Q", window.close)


def _export(window: MainWindow, what: str, panel: Panel | None = None) -> None:
    from viewer.qt import exports  # SVG, PDF and CSV are not needed for a window

    getattr(exports, what)(window, panel or window.panel_in_use())


def _connect_menu(window: MainWindow, panel: Panel) -> None:
    panel.menu_wanted.connect(partial(_show_panel_menu, window, panel))


def _show_panel_menu(window: MainWindow, panel: Panel, point: QPoint) -> None:
    """Show what can be done with a panel's figure."""
    menu = QMenu(window)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for text, what in (
        ("Copy the picture", "copy_picture"),
        ("Copy the numbers", "copy_numbers"),
        ("Save as…", "choose_file"),
        ("Open in full", "open_full"),
    ):
        _action(menu, text, "", partial(_export, window, what, panel))
    menu.popup(point)


def _selection(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&Selection")
    undo = _action(menu, "&Undo the selection", "Ctrl+Z", window.store.undo_selection)
    redo = _action(menu, "&Redo the selection", "Ctrl+Shift+Z", window.store.redo_selection)

    def enable() -> None:
        undo.setEnabled(window.store.can_undo)
        redo.setEnabled(window.store.can_redo)

    window.store.changed.connect(lambda *_: enable())
    enable()
    menu.addSeparator()
    _action(menu, "&Find runs", "Ctrl+F", window.find_runs)
    _action(menu, "&Next run", "Ctrl+Down", lambda: window.step_run(1))
    _action(menu, "&Previous run", "Ctrl+Up", lambda: window.step_run(-1))


def _images(window: MainWindow) -> None:
    menu, images = window.menuBar().addMenu("&Images"), window.images
    _action(menu, "&Next ten images", "Alt+PgDown", partial(images.turn, 1))
    _action(menu, "&Previous ten images", "Alt+PgUp", partial(images.turn, -1))
    _action(menu, "&First images", "Alt+Home", images.show_in_order)
    menu.addSeparator()
    _action(menu, "&Worst images of the run", "Alt+W", images.show_worst)
    _action(menu, "&Best images of the run", "Alt+B", images.show_best)
    menu.addSeparator()
    _action(menu, "P&aste a picture", "Ctrl+Shift+V", images.paste)
    _action(menu, "Back to the &test images", "Esc", window.escape)


def _view(window: MainWindow) -> None:
    view = window.menuBar().addMenu("&View")
    tabs = view.addMenu("&Go to")
    for name, entry in PANELS.items():
        _action(tabs, entry.label, entry.shortcut, partial(_go_to, window, name), "Go to ")
    _action(tabs, "Runs", "Ctrl+0", window.go_to_rail, "Go to ")
    own = view.addMenu("Panel &commands")
    for name, entry in PANELS.items():
        window.panels.when_made(partial(_add_commands, own.addMenu(entry.label), name))
    window.panels.when_made(partial(_connect_menu, window))
    view.aboutToShow.connect(window.panels.make_all)
    view.addSeparator()
    _action(view, "Show or hide the &runs", "Ctrl+B", window.toggle_rail)
    _action(view, "Show or hide the &details", "Ctrl+I", window.toggle_drawer)
    _action(view, "&Presenter's mode", "F11", window.present)
    right, below = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
    _action(view, "Put the tab beside, to the &right", "Ctrl+\\", partial(_split, window, right))
    _action(view, "Put the tab beside, &below", "Ctrl+Alt+\\", partial(_split, window, below))
    _action(view, "&Close the tab", "Ctrl+W", lambda: window.workspace.tabs[_tab_in_use(window)].close())
    _action(view, "Reset the &layout", "", window.reset_layout)
    view.addSeparator()
    _action(view, "Larger text", "Ctrl++", partial(_resize_text, window, TEXT_STEP))
    _action(view, "Smaller text", "Ctrl+-", partial(_resize_text, window, -TEXT_STEP))


def _tab_in_use(window: MainWindow) -> str:
    tab = PANELS[window.panel_in_use().name].tab
    return tab if tab in window.workspace.tabs else next(iter(window.workspace.tabs))


def _split(window: MainWindow, orientation: Qt.Orientation) -> None:
    window.workspace.split(_tab_in_use(window), orientation)


def _resize_text(window: MainWindow, step: float) -> None:
    window.choose_text_size(window.settings.text_size + step)


def _go_to(window: MainWindow, name: str) -> None:
    """Go to a panel, or to another of its tab where it has nothing to say of what is shown."""
    state = window.store.state
    beside = (other for other in panels_of(PANELS[name].tab) if PANELS[other].applies(state))
    window.go_to(window.panels[name if PANELS[name].applies(state) else next(beside, name)])


def _add_commands(menu: QMenu, name: str, panel: Panel) -> None:
    """Add a panel's commands to its menu once it is made; a menu of none is not there."""
    if panel.name == name:
        for each in panel.commands():
            _action(menu, each.text[:1].upper() + each.text[1:], each.keys, each.do, f"{panel.title}: ")
        menu.menuAction().setVisible(not menu.isEmpty())


def _help(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&Help")
    keys = _action(menu, "&Keys and panels", "F1", lambda: open_key_sheet(window))
    keys.setShortcuts([QKeySequence("F1"), QKeySequence("?")])
    _action(menu, "&Commands…", "Ctrl+K", lambda: open_palette(window))
    _action(menu, "&About aezoo", "", partial(_open_dialog, window, "about"))


def _open_dialog(window: MainWindow, name: str) -> None:
    from viewer.qt import dialogs  # which no window needs when it opens

    getattr(dialogs, name)(window).open()


def _action(menu: QMenu, text: str, keys: str, slot: Callable[[], object], before: str = "") -> QAction:
    """Add a command; `before` stands before its text where its menu is not seen."""
    action = menu.addAction(text)
    action.setData(before)
    if keys:
        action.setShortcut(QKeySequence(keys))
    action.triggered.connect(lambda _=False: slot())
    return action


# ---- made from the menus ----


def _actions(window: MainWindow) -> Iterator[tuple[str, QAction]]:
    """Every action of the menus and their submenus, with the title of the menu in the menu bar."""

    def below(menu: QMenu) -> Iterator[QAction]:
        for action in menu.actions():
            inner = action.menu()
            if isinstance(inner, QMenu):
                yield from below(inner)
            elif action.text():
                yield action

    for top in window.menuBar().actions():
        menu = top.menu()
        assert isinstance(menu, QMenu), top.text()
        yield from ((_plain(top.text()), action) for action in below(menu))


def full_text(action: QAction) -> str:
    """Return what an action is called where its menu is not seen."""
    return f"{action.data() or ''}{_plain(action.text())}"


def _plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def open_palette(window: MainWindow) -> Palette:
    """Show the palette: the commands that are enabled now, and every run."""
    from viewer.qt import dialogs  # a dialog that no window needs when it opens

    window.panels.make_all()
    entries = [
        dialogs.PaletteEntry(full_text(action), action.shortcut().toString(), action.trigger)
        for _, action in _actions(window)
        if action.isEnabled()
    ]
    names = window.store.state.names()
    entries += [
        dialogs.PaletteEntry(f"Run {name}", "", partial(window.store.set_selected, (path,), path))
        for path, name in names.items()
    ]
    shown = dialogs.Palette(entries, window)
    shown.open()
    return shown


def open_key_sheet(window: MainWindow) -> KeySheet:
    """Show the dialog of keys."""
    from viewer.qt import dialogs

    window.panels.make_all()
    sections: dict[str, list[tuple[str, str]]] = {}
    for title, action in _actions(window):
        keys = ", ".join(key.toString() for key in action.shortcuts())
        if keys:
            sections.setdefault(title, []).append((keys, full_text(action).rstrip("…")))
    panels = [(entry.label, entry.hint) for entry in PANELS.values()]
    everything = [
        ("In pictures", dialogs.IN_PICTURES),
        ("In plots", dialogs.IN_PLOTS),
        ("In the list of runs", dialogs.IN_THE_LIST),
        ("On the canvas", dialogs.ON_THE_CANVAS),
        *sections.items(),
        ("Panels", panels),
    ]
    shown = dialogs.KeySheet(everything, window)
    shown.open()
    return shown


# ---- files ----


def open_folder(window: MainWindow) -> None:
    """Let the user choose a folder of runs, and show it."""
    chosen = QFileDialog.getExistingDirectory(window, "Open a folder of runs", _start(window))
    if chosen:
        window.open((Path(chosen),))


def open_file(window: MainWindow) -> None:
    """Let the user choose .onnx files, and show them."""
    chosen, _ = QFileDialog.getOpenFileNames(window, "Open graphs", _start(window), "ONNX graphs (*.onnx)")
    if chosen:
        window.open(tuple(map(Path, chosen)))


def _open_pictures(window: MainWindow) -> None:
    kinds = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp *.tif *.tiff *.ppm *.pgm *.pbm)"
    chosen, _ = QFileDialog.getOpenFileNames(window, "Open pictures", _start(window), kinds)
    window.images.open_pictures(map(Path, chosen))


def _start(window: MainWindow) -> str:
    root = next(iter(window.store.state.roots), Path.cwd())
    return str(root if root.is_dir() else root.parent)  # or else a dialog would propose a graph as a picture


def _fill_recent(menu: QMenu, window: MainWindow) -> None:
    menu.clear()
    for path in window.settings.recent:
        name = clean(path, limit=100).replace("&", "&&")
        _action(menu, name, "", partial(window.open, (path,)))
    if not window.settings.recent:
        menu.addAction("Nothing yet").setEnabled(False)
        return
    menu.addSeparator()
    _action(menu, "Clear this list", "", window.settings.forget_recent)
