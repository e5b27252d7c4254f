# The playground's assets; nothing else of this stage is kept.
FROM node:22-slim AS playground
WORKDIR /playground
COPY playground/package.json playground/package-lock.json playground/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY playground/build.mjs ./
COPY playground/src ./src
RUN npm run --silent build

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 \
    ORDERWIRE_HOST=0.0.0.0 \
    ORDERWIRE_DATA_DIR=/data
WORKDIR /app
COPY requirements/run.lock requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain ./domain
COPY db ./db
COPY graph ./graph
COPY app ./app
# Editable, as `make setup` installs it: the program finds the playground beside itself.
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation -e .
COPY --from=playground /playground/dist ./playground/dist
RUN useradd --system --uid 10001 --create-home orderwire \
    && install --directory --owner orderwire --group orderwire --mode 0700 /data
USER orderwire
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["orderwire", "serve"]
