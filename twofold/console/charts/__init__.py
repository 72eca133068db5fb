"""The pages' charts: each one a definition as data, which is Vega-Lite, and one drawing of it for pages and reports.

Start reading at `definitions`: what is drawn. `drawing` makes an SVG of it, without scripts and without styles of its own.
"""
