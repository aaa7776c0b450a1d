# One image for every process: gateway, services, worker, scheduler and migrations differ by command.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/huzhu \
    && /opt/huzhu/bin/pip install --require-hashes --requirement /tmp/requirements.lock
COPY shared /srv/huzhu/shared
COPY gateway /srv/huzhu/gateway
COPY services /srv/huzhu/services
RUN python -m compileall -q /srv/huzhu

FROM python:3.13-slim-bookworm
ENV PATH=/opt/huzhu/bin:$PATH PYTHONPATH=/srv/huzhu PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin huzhu
COPY --from=build /opt/huzhu /opt/huzhu
COPY --from=build /srv/huzhu /srv/huzhu
WORKDIR /srv/huzhu
USER 10001
EXPOSE 8000
# A process that serves HTTP is healthy when it is ready; worker and scheduler have checks of their own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-S", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
CMD ["granian", "--interface", "wsgi", "--factory", "gateway.app:create_app", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "--no-ws", "--log-level", "warning", "--workers-kill-timeout", "5"]
