SELECT {columns} FROM {table} ORDER BY {backwards} LIMIT 1
