from django.apps import AppConfig


class NewsletterConfig(AppConfig):
    name = "newsletter"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed
        from anymail.signals import tracking

        from newsletter.picked import picked_by_editors
        from newsletter.subscriptions import address_confirmed
        from newsletter.webhooks import provider_told
        from recommender import picked

        email_confirmed.connect(address_confirmed, dispatch_uid="newsletter.address_confirmed")
        tracking.connect(provider_told, dispatch_uid="newsletter.provider_told")
        picked.register(picked_by_editors)
