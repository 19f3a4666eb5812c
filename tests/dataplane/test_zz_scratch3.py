import sys
sys.path.insert(0,"tests/dataplane")
import json, collections
from raw_calls import *
import test_load as tl
def test_x(start):
    g = start.gateway("providers: {m: {type: mock}}\nmodels: {chat: m/gpt-4o-mini}\n")
    import resource; resource.setrlimit(resource.RLIMIT_NOFILE,(20000,20000))
    for r in range(3):
        g.mock("m").script({"delay": 3.0})
        c=g.loop.run(statuses(call(g.origin,g.key,chat(f"n {i}",stream=True),timeout=60) for i in range(1500)),90)
        print(c)
    for size in (26_000_000, 100_000_000):
        for stream in (False, True):
            for n in (1,2):
                g.mock("m").script({"size": size})
                with tl.watched(g,"envoy","extproc-0") as grown:
                    rs=g.loop.run(together(call(g.origin,g.key,chat("x",stream=stream),pace=Pace(64*1024,0.01*26_000_000/size),timeout=100) for _ in range(n)),110)
                print(size,stream,n,[len(r.body) for r in rs],{k:v>>20 for k,v in grown.items()})
