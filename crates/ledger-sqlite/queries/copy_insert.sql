INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING
