"""Where OpenTelemetry sends its spans, and a site that notes which trace its calls belong to."""

from collections import defaultdict
from contextlib import asynccontextmanager

import grpc
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """The HTTP side of an OpenTelemetry collector; ``names`` holds the names of spans by service, for each trace."""

    def __init__(self):
        self.url = ""
        self.names = defaultdict(lambda: defaultdict(set))
        self.texts = []

    async def take(self, request):
        message = ExportTraceServiceRequest.FromString(await request.read())
        self.texts.append(str(message))
        for of_process in message.resource_spans:
            (service,) = (
                each.value.string_value
                for each in of_process.resource.attributes
                if each.key == "service.name"
            )
            for scope in of_process.scope_spans:
                for span in scope.spans:
                    self.names[span.trace_id.hex()][service].add(span.name)
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())


@asynccontextmanager
async def collecting():
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


class NotesTraces(grpc.aio.ServerInterceptor):
    """``called`` holds the names of the calls that a site was asked, by trace."""

    def __init__(self):
        self.called = defaultdict(set)

    async def intercept_service(self, continuation, handler_call_details):
        parent = dict(handler_call_details.invocation_metadata).get("traceparent", "")
        trace = parent.split("-")[1] if parent else ""
        self.called[trace].add(handler_call_details.method.rpartition("/")[2])
        return await continuation(handler_call_details)
