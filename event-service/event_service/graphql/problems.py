"""What is wrong with a query, in the form of a problem."""

from service_kit.problems import Problem


class QueryTooLarge(Problem):
    code, status, title = "query-too-large", 422, "The query asks for too much at once."
