"""Tables in Markdown."""
from sources import ORIGINS, SOURCES


def table(columns, rows):
    """In Markdown; a column whose name begins with > is of numbers."""
    print("| " + " | ".join(name.lstrip(">") for name in columns) + " |")
    print("| " + " | ".join("---:" if name.startswith(">") else "---" for name in columns) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def describe(entries):
    rows = []
    for entry in entries:
        source = SOURCES[entry.source]
        rows.append([f"`{entry.name}`", entry.does + (f"; {entry.note}" if entry.note else ""),
                     f"{ORIGINS[source.client]} {source.name} {source.version}", source.licence])
    table(["program", "what it does", "source", "licence"], rows)
