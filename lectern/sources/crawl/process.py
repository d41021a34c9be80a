"""The process of one crawl; `job.py` starts it.

Run: python -m lectern.sources.crawl.process, with the job as a line of JSON on its standard input.
"""

import json
import os
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess

from lectern.core.errors import LecternError
from lectern.sources.addresses import Scope
from lectern.sources.crawl import crawling, fetching, journal
from lectern.sources.crawl.job import Job


class Spider(scrapy.Spider):
    """Gives the crawl access to Scrapy's downloader."""

    name = "lectern"

    def __init__(self, job: Job, failed: list[str], **more: Any) -> None:
        super().__init__(**more)
        self.job, self.failed = job, failed

    async def start(self) -> AsyncIterator[Any]:
        """Crawl. Nothing is scheduled, because the requests go to the downloader directly."""
        try:
            with journal.opened(self.job) as opened:
                report = await crawl(self.job, opened, self.crawler)
            tell(report=asdict(report))
        except LecternError as error:
            self.failed.append(str(error))
        except Exception as error:
            self.failed.append(f"{type(error).__name__}: {error}")
            raise
        return
        yield


async def crawl(job: Job, opened: journal.Journal, crawler: Any) -> Any:
    """Crawl with a running Scrapy."""
    scope = Scope(tuple(job.hosts), tuple(job.include), tuple(job.exclude))
    fetching.CheckedResolver.may_be_private = lambda host: job.allow_private and scope.names_host(host)
    web = fetching.Web(
        crawler=crawler,
        scope=scope,
        start=job.start,
        headers=job.headers,
        retries=job.retries,
        delay=job.delay,
        longest_wait=job.longest_wait,
        timeout=job.timeout,
        max_bytes=job.max_bytes,
    )
    running = crawling.Crawl(job, scope, web, opened, lambda done, found: tell(done=done, found=found))
    return await running.run()


def tell(**event: Any) -> None:
    """Send an event to the parent process."""
    print(json.dumps(event), flush=True)


def end_with_input() -> None:
    """Exit when the standard input ends, which means that the parent process has ended."""
    sys.stdin.read()
    os._exit(2)


def main() -> None:
    """Run the job that the standard input describes."""
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=end_with_input, daemon=True).start()
    failed: list[str] = []
    process = AsyncCrawlerProcess(
        fetching.settings(job.delay, job.concurrency, job.timeout, job.max_bytes), install_root_handler=False
    )
    process.crawl(Spider, job=job, failed=failed)
    process.start(install_signal_handlers=False)
    if failed:
        tell(error=failed[0])
        sys.exit(1)


if __name__ == "__main__":
    main()
