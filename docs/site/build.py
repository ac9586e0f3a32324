#!/usr/bin/python3
"""Builds the microsite from README.md, docs/*.md and the latest reports: static pages, no script, no
request to anywhere.   docs/site/build.py [OUT]      OUT: build/site. Needs Debian's python3-markdown."""

import html
import re
import shutil
import sys
from pathlib import Path

import markdown

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).resolve().parent

# In the order of the navigation; what is not named follows by name.
ORDER = ["README", "SETUP", "ENVIRONMENT", "WEIGHTS", "CHAT", "BENCH", "ARCHITECTURE", "PLUGINS",
         "TROUBLESHOOTING", "ROADMAP", "CHANGELOG"]
REPORTS = {"environment_report": "Environment report", "auto_verification": "Latest verification"}


def sources():
    found = {p.stem: p for p in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "CHANGELOG.md"]}
    return {n: found[n] for n in sorted(found, key=lambda n: (ORDER.index(n) if n in ORDER else 99, n))}


def page_name(stem):
    return "index.html" if stem == "README" else stem.lower() + ".html"


def rewrite_links(text, source, pages):
    """Links between documents lead to their pages; links to other files of the tree become text."""
    def one(match):
        target, inner = html.unescape(match.group(1)), match.group(2)
        if target.startswith(("#", "http://", "https://")):
            return match.group(0)
        path, _, anchor = target.partition("#")
        file = (source.parent / path).resolve()
        for stem, known in pages.items():
            if file == known:
                return f'<a href="{page_name(stem)}{"#" + anchor if anchor else ""}">{inner}</a>'
        if not file.exists():
            sys.exit(f"{source}: link to {target}, which is not there")
        return f"<code>{inner}</code>"

    return re.sub(r'<a href="([^"]*)">(.*?)</a>', one, text, flags=re.S)


def table(text):
    """The first cell names its row; with three columns and more a row is a card on a narrow page."""
    labels = [re.sub(r"<[^>]*>", "", h) for h in re.findall(r"<th[^>]*>(.*?)</th>", text, flags=re.S)]

    def row(match):
        cells = re.findall(r"<td[^>]*>(.*?)</td>", match.group(0), flags=re.S)
        first = f'<th scope="row">{cells[0]}</th>'
        rest = [f'<td data-label="{label}">{cell}</td>' for label, cell in zip(labels[1:], cells[1:])]
        return "<tr>" + first + "".join(rest) + "</tr>"

    text = re.sub(r"<tr>\s*<td.*?</tr>", row, text, flags=re.S)
    if len(labels) >= 3:
        text = text.replace("<table>", '<table class="cards">', 1)
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Table">{text}</div>'


def body_of(source, pages):
    text = markdown.markdown(source.read_text(), extensions=["tables", "fenced_code", "toc"])
    text = rewrite_links(text, source, pages)
    text = re.sub(r"<pre>", '<pre tabindex="0">', text)
    text = re.sub(r"<th(?=[ >])", '<th scope="col"', text)
    return re.sub(r"<table>.*?</table>", lambda m: table(m.group(0)), text, flags=re.S)


def title_of(source):
    return re.search(r"^# (.+)$", source.read_text(), flags=re.M).group(1)


def navigation(entries, current):
    mark = ' aria-current="page"'
    items = "".join(f'<li><a href="{name}"{mark if name == current else ""}>{html.escape(title)}</a></li>\n'
                    for name, title in entries)
    return f'<nav aria-label="Pages"><ul>\n{items}</ul></nav>'


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    out.mkdir(parents=True, exist_ok=True)
    pages = sources()
    reports = {n: t for n, t in REPORTS.items() if (ROOT / "reports" / f"{n}.html").exists()}
    entries = [(page_name(s), "Start" if s == "README" else title_of(p)) for s, p in pages.items()]
    entries += [(f"{name}.html", title) for name, title in reports.items()]
    template = (SITE / "page.html").read_text()
    style = (ROOT / "host/report/style.css").read_text() + (SITE / "site.css").read_text()
    for stem, source in pages.items():
        name = page_name(stem)
        parts = {"TITLE": html.escape(title_of(source)), "STYLE": style, "BODY": body_of(source, pages),
                 "NAVIGATION": navigation(entries, name)}
        (out / name).write_text(re.sub(r"@([A-Z]+)@", lambda m: parts[m.group(1)], template))
    for name in reports:  # complete in themselves
        shutil.copyfile(ROOT / "reports" / f"{name}.html", out / f"{name}.html")
    print(f"{len(entries)} pages: {out}/index.html")


if __name__ == "__main__":
    main()
