FROM python:3.11-slim

WORKDIR /app
COPY requirements.txt .
# The tests and what they need stand last in the list, and stay out.
RUN sed '/^# The tests/,$d' requirements.txt > service.txt \
    && pip install --no-cache-dir -r service.txt \
    && useradd --system service \
    && mkdir /data && chown service /data
COPY main.py models.py schemas.py ./

# Without DATABASE_URL the SQLite file and the secret are kept here.
WORKDIR /data
VOLUME /data
USER service
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.getenv('PORT', '8000') + '/health', timeout=2)"]

# It listens on PORT. uvicorn takes the number of workers from WEB_CONCURRENCY, and the proxies
# whose X-Forwarded-* it trusts from FORWARDED_ALLOW_IPS.
CMD ["python", "/app/main.py"]
