"""The stages of a request's way, one file and one public function each; gateway/operations/pipeline.py holds their order."""
