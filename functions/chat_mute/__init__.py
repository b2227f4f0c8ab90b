"""Quiet hours for Bitrix24: the Lambda behind the API and the schedules."""
