"""The only place that builds boto3 clients and Powertools objects: one module a function, importing what it needs."""
