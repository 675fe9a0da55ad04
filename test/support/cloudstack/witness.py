"""What an independent client makes of the stand-in. Reads one JSON object from standard input, prints one.

sign: signatures by cs of lists of parameters. use: a machine's whole life through cs, by GET and by POST.
"""
import json
import sys

from cs import CloudStack, CloudStackApiException


def sign(request):
    client = CloudStack(endpoint="http://127.0.0.1:1", key="unused", secret=request["secret"])
    signatures = []
    for params in request["params"]:
        data = dict(params)
        client._sign(data)
        signatures.append(data["signature"])
    return signatures


def use(request):
    report = {}
    for method in ("get", "post"):
        client = CloudStack(
            endpoint=request["endpoint"],
            key=request["key"],
            secret=request["secret"],
            method=method,
            poll_interval=0.05,
        )
        made = client.deployVirtualMachine(
            **request["order"], name=f"witness-{method}", userdata="aGVsbG8=", fetch_result=True
        )["virtualmachine"]
        listed = client.listVirtualMachines(fetch_list=True, pagesize=1)
        ended = client.destroyVirtualMachine(id=made["id"], expunge=True, fetch_result=True)
        report[method] = {
            "made": made["id"],
            "listed": [machine["id"] for machine in listed],
            "ended": ended,
            "left": client.listVirtualMachines(id=made["id"]),
        }
    wrong = CloudStack(endpoint=request["endpoint"], key=request["key"], secret="not the secret")
    try:
        wrong.listVirtualMachines()
    except CloudStackApiException as error:
        report["refused"] = error.error["errorcode"]
    return report


request = json.load(sys.stdin)
print(json.dumps({"sign": sign, "use": use}[request["what"]](request)))
