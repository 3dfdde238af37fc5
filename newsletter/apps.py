from django.apps import AppConfig


class NewsletterConfig(AppConfig):
    name = "newsletter"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed

        from newsletter.subscriptions import address_confirmed

        email_confirmed.connect(address_confirmed, dispatch_uid="newsletter.address_confirmed")
