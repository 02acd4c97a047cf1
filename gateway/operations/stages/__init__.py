"""The steps of the request pipeline, one file and one public function each; pipeline.py defines their order."""
