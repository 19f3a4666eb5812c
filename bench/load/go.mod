module forebay.example/bench/load

go 1.21
