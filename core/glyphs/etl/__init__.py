"""The ETL Character Database: any of its eleven data sets, as downloaded, to images, labels and metadata."""
