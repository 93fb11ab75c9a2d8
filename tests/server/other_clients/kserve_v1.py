import asyncio
import sys

import asked
from kserve import InferenceRESTClient, RESTConfig


async def predict(labels):
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    return (await client.infer(sys.argv[2], {"instances": asked.rows(labels)}, model_name="garments"))["predictions"]


asked.tell(lambda labels: asyncio.run(predict(labels)))
