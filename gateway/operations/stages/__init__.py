"""The stages of a request's way, one file and one public function each; pipeline.py holds their order."""
