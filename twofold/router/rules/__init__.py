"""The rules: each looks at what came, what left, and what became of orders, and yields findings.

Start reading at `reading` (two weeks of a folder, read once) and `change` (when a share is another than before).
"""
