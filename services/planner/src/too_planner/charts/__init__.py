"""Charts as SVG and PNG: drawn once as marks, written in either form.

Presentation attributes only, no style sheets: pages allow nothing inline. Colours are of Okabe and
Ito's palette and of cividis, which people with any kind of colour blindness tell apart, and no
colour stands alone: filters have lanes and shapes, tiles numbers, contours widths.
"""
