"""Labelled images that are not ETL's: IDX and NPZ arrays, folders of images, images with a JSON list."""
