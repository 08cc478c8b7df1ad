INSERT INTO {table} ({columns}) SELECT {columns} FROM unnest({arrays}) AS given ({columns}) ON CONFLICT DO NOTHING
