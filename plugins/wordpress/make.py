"""Makes the zip that WordPress installs: the plugin's files, and the one that it shares with `twofold snippet woocommerce`.

Its version is the program's. The same files give the same bytes. `make plugin` calls it.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SHARED = ROOT / "twofold" / "setup" / "snippets" / "functions.php"
MADE_AT = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip knows: when it was made changes nothing


def make(target: Path) -> None:
    found = re.search(r'^__version__ = "([^"]+)"', (ROOT / "twofold" / "__init__.py").read_text(encoding="utf-8"), re.M)
    assert found is not None
    files = {
        f"twofold/{p.relative_to(HERE / 'twofold').as_posix()}": p for p in (HERE / "twofold").rglob("*") if p.is_file()
    }
    files["twofold/includes/functions.php"] = SHARED
    files["twofold/LICENSE"] = ROOT / "LICENSE"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, MADE_AT)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            made.writestr(entry, files[name].read_bytes().replace(b"{VERSION}", found[1].encode()))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
    print(sys.argv[1])
