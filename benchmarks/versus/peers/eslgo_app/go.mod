module eslgo_app

go 1.19

require github.com/percipia/eslgo v1.4.1

require github.com/google/uuid v1.1.1 // indirect
