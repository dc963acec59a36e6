return { name = 'good', version = '1.0.0', api = 1, config = { { 'a', 'enum', of =  'good', default = 'x' } } }
