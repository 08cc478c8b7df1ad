SELECT nextval('writer_id')
